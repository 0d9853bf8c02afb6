import zipfile

import pytest


@pytest.fixture(scope="session")
def edited():
    """Copies a .keras file, with a text in the description of its network replaced."""

    def edited(path, target, found, other):
        with zipfile.ZipFile(path) as sound, zipfile.ZipFile(target, "w") as hostile:
            for name in sound.namelist():
                content = sound.read(name)
                if name == "config.json":
                    assert found.encode() in content
                    content = content.replace(found.encode(), other.encode())
                hostile.writestr(name, content)

    return edited

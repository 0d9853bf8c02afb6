"""Print what a report of a bug should name: versions, devices, the extras that are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from bam.base.settings import NoSettings
from bam.cli import flags as command

# What each extra brings, as it is imported; its name is that of the extra.
EXTRAS = {
    "torch": ("torch",),
    "libraries": ("captum", "pytorch_grad_cam", "saliency", "torch", "torchcam"),
    "stable-diffusion": ("torch", "diffusers", "transformers", "accelerate"),
    "peers": ("captum", "lime", "quantus", "saliency", "torch", "xplique"),
    "test": (
        *("build", "hypothesis", "jsonschema", "mlcroissant", "pandas", "pytest", "ruff", "saliency"),
        *("setuptools", "yaml"),
    ),
}


def missing_of(extra: str) -> list[str]:
    """Which modules of an extra are not installed."""
    return [name for name in EXTRAS[extra] if find_spec(name) is None]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.doctor", __doc__, {"settings": NoSettings}, argv)


def _main(flags: command.Flags) -> None:
    import bam.cli.quiet  # noqa: F401

    # isort: split

    from bam.metrics.results.environment import environment

    found = environment()
    print(f"python      {found.python}\nplatform    {found.platform}\ncommit      {found.commit or 'none'}")
    print(f"devices     {', '.join(found.devices)}")
    for name, number in found.packages.items():
        print(f"{name:<20}{number or 'not installed'}")
    for extra in EXTRAS:
        missing = missing_of(extra)
        state = f"lacks {', '.join(missing)}: pip install 'bam-benchmark[{extra}]'" if missing else "complete"
        print(f"extra {extra:<18}{state}")


if __name__ == "__main__":
    main()

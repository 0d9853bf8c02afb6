import numpy as np

from bam.base.digests import array_digest, digest, key_digest


def test_arrays_differ_by_shape_and_content():
    flat = np.arange(6, dtype=np.uint8)
    found = {array_digest(flat), array_digest(flat.reshape(2, 3)), array_digest(flat.reshape(3, 2))}
    assert len(found) == 3
    assert array_digest(np.asfortranarray(flat.reshape(2, 3))) in found


def test_keys_do_not_depend_on_the_order_of_settings():
    assert key_digest(["a", {"x": 1, "y": 2}]) == key_digest(["a", {"y": 2, "x": 1}])
    assert key_digest(["a", {"x": 1}]) != key_digest(["a", {"x": 2}])


def test_a_file_by_its_content(tmp_path):
    (tmp_path / "empty").touch()
    assert digest(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

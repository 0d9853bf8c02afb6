import numpy as np
import pytest

from bam.base.errors import BamError
from bam.models.inpainters import make_inpainter
from bam.models.inpainters.deepfill.checkpoint import read

KERNEL = "inpaint_net/conv13_upsample/conv13_upsample_conv/kernel"
DATA = "snap-0.data-00000-of-00001"


@pytest.fixture
def copy(deepfill_variables, save_checkpoint, tmp_path):
    """Writes the checkpoint anew, with other variables; the folder."""
    return lambda **changes: save_checkpoint(tmp_path / "copy", {**deepfill_variables, **changes})


def refused(folder):
    with pytest.raises(BamError) as caught:
        make_inpainter("deepfill", checkpoint=str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_variables_are_found_by_name_and_others_passed_over(copy, deepfill_variables):
    folder = copy(discriminator=np.zeros(3, np.float32), global_step=np.int64(7))
    found = read(folder)
    assert set(found) == set(deepfill_variables)
    for name, value in deepfill_variables.items():
        assert np.array_equal(found[name], value)


def test_the_folder_may_have_moved_since(copy):
    folder = copy()
    (folder / "checkpoint").write_text('model_checkpoint_path: "/somewhere/else/snap-0"\n')
    assert set(read(folder)) == set(read(copy()))


@pytest.mark.parametrize("lost", ["snap-0.index", DATA])
def test_a_missing_file_is_named(copy, lost):
    folder = copy()
    (folder / lost).unlink()
    assert refused(folder) == f"{folder} lacks {lost}: fetch all files of the checkpoint"


@pytest.mark.parametrize("content", [None, b"", b"what: is this\n", b"\xff\xfe"])
def test_a_folder_without_checkpoint_is_refused(copy, content):
    folder = copy()
    (folder / "checkpoint").rename(folder / "checkpoint.txt")
    if content is not None:
        (folder / "checkpoint").write_bytes(content)
    message = refused(folder)
    assert message.startswith(f"{folder} lacks the file checkpoint")
    assert "rename it" in message


def test_no_folder_and_a_wrong_one_are_refused(copy, tmp_path):
    with pytest.raises(BamError, match=r"deepfill needs trained weights.* as `checkpoint`"):
        make_inpainter("deepfill")
    folder = copy()
    assert refused(tmp_path / "cpoy").startswith(
        f"there is no folder {tmp_path / 'cpoy'}: did you mean {str(folder)!r}?"
    )
    assert "there is no folder" in refused(folder / DATA)


def test_missing_variables_are_named(deepfill_variables, save_checkpoint, tmp_path):
    less = {name: value for name, value in deepfill_variables.items() if "allconv16" not in name}
    message = refused(save_checkpoint(tmp_path, less))
    assert f"{tmp_path / 'snap-0'} lacks 2 of the 84 variables" in message
    assert "inpaint_net/allconv16/kernel" in message


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (
            np.zeros((3, 3, 64, 128), np.float32),
            r"as float32 \(3, 3, 64, 128\), but float32 \(3, 3, 128, 64\)",
        ),
        (np.zeros((3, 3, 128, 64), np.float16), r"as float16 \(3, 3, 128, 64\), but float32"),
        (np.full((3, 3, 128, 64), np.nan, np.float32), "with values that are no numbers"),
    ],
)
def test_wrong_variables_are_named(copy, value, described):
    folder = copy(**{KERNEL: value})
    with pytest.raises(BamError, match=f"{folder}/snap-0 holds {KERNEL} {described}"):
        make_inpainter("deepfill", checkpoint=str(folder))


@pytest.mark.parametrize("share", [0.0, 0.4, 0.999])
def test_a_truncated_file_of_values_is_named(copy, share):
    path = copy() / DATA
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = refused(path.parent)
    assert message.startswith(f"{path} is damaged or not whole, inpaint_net/")
    assert message.endswith(": fetch it again")


def test_a_changed_file_of_values_is_named(copy):
    path = copy() / DATA
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refused(path.parent).startswith(f"{path} is damaged or not whole, inpaint_net/")


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_a_damaged_index_is_named(copy, content):
    path = copy() / "snap-0.index"
    path.write_bytes(content)
    assert refused(path.parent).startswith(f"{path} cannot be read (")

from dataclasses import replace

from bam.leaderboard.entry import Machine
from bam.leaderboard.machine import otherwise, processor

HERE = Machine("3.12.1", "Linux", "A, 2 cores", ("CPU:0",), {"tensorflow": "2.21.0", "numpy": "2.4"})


def test_the_kind_of_a_processor(tmp_path):
    path = tmp_path / "cpuinfo"
    text = "model name\t: AMD EPYC\ncpu family\t: 25\nmodel\t\t: 1\nflags\t\t: fpu avx avx2 fma\n"
    path.write_text(text + text.replace("EPYC", "other"))
    assert processor(path).startswith("AMD EPYC, cpu family 25, model 1, avx avx2 fma, ")
    assert processor(tmp_path / "none").endswith("cores")


def test_what_digits_depend_on():
    assert otherwise(HERE, HERE) == []
    assert otherwise(HERE, replace(HERE, python="3.10", platform="other")) == []
    assert otherwise(replace(HERE, processor=None), HERE) == ["the kind of processor is not recorded"]
    other = replace(HERE, processor="B", devices=("GPU:0",), packages={"tensorflow": "2.16", "numpy": "2.4"})
    assert otherwise(HERE, other) == [
        "processor A, 2 cores, here B",
        "devices CPU:0, here GPU:0",
        "tensorflow 2.21.0, here 2.16",
    ]

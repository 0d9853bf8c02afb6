import pytest

from bam.base.errors import BamError
from bam.base.settings import parameters, setting, settings
from bam.cli import flags as command
from bam.cli.shared import OfMethods
from bam.models.inpainters import INPAINTERS


def test_what_has_a_checkpoint_is_named_where_one_is_given():
    shown = next(each for each in parameters(OfMethods) if each.name == "checkpoint").description
    named = [name for name, kind in INPAINTERS.items() if name in shown]
    assert named == [name for name, kind in INPAINTERS.items() if "checkpoint" in kind.settings()]


@settings
class First:
    """Some settings."""

    limit: int | None = setting(None, "at most so many", ge=1)
    names: tuple[str, ...] = setting((), "which")
    wide: bool = setting(True, "wide")


@settings
class Second:
    """Others, one of which the first has too."""

    limit: int | None = setting(None, "at most so many", ge=1)
    size: float = setting(0.5, "how large; 100 %", gt=0)


GROUPS = {"first": First, "second": Second}


def given(*argv):
    return command.Flags("bam test", "A test.", GROUPS, argv)


@pytest.mark.parametrize(
    ("argv", "limit", "names", "wide"),
    [
        ((), None, (), True),
        (("--limit", "3", "--names", "a, b(x=1,y=2)"), 3, ("a", "b(x=1,y=2)"), True),
        (("--limit=3", "--names=a", "--names=b", "--nowide"), 3, ("a", "b"), False),
        (("--wide=false",), None, (), False),
        (("--wide", "--limit", "2"), 2, (), True),
    ],
)
def test_flags_become_settings(argv, limit, names, wide):
    assert given(*argv).settings(First) == First(limit=limit, names=names, wide=wide)


def test_a_flag_that_two_groups_have_is_one():
    found = given("--limit", "7")
    assert found.settings(First).limit == found.settings(Second).limit == 7


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--limt", "3"), "unknown flag '--limt': did you mean '--limit'"),
        (("three",), "unexpected argument 'three'"),
        (("--limit",), "expected one argument"),
        (("--limit", "3", "--limit", "4"), "--limit is given twice"),
    ],
)
def test_flags_that_are_none(argv, words):
    with pytest.raises(command.UsageError) as error:
        given(*argv)
    assert words in str(error.value)


def test_a_wrong_value_names_its_flag():
    with pytest.raises(command.UsageError, match="--limit must be greater than or equal to 1"):
        given("--limit", "0").settings(First)


def test_parameters_become_flags_and_other_words_stay():
    assert given().translated("`limit` and `random`: give `size`") == "--limit and `random`: give --size"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (BamError("give another `size`"), 1, "error: give another --size"),
        (FileNotFoundError(2, "No such file", "x"), 1, "error: [Errno 2] No such file: 'x'"),
        (command.UsageError("--size is for others"), 2, "--size is for others; see --help"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_exit_codes(error, code, words, capsys):
    def main(flags):
        raise error

    with pytest.raises(SystemExit) as end:
        command.run(main, "bam.test", "A test.", GROUPS, ["bam test"])
    assert end.value.code == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith(words)
    assert len(err.splitlines()) == 1


def test_help_shows_descriptions_and_defaults(capsys):
    with pytest.raises(SystemExit) as end:
        given("--help")
    assert end.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "A test." in shown
    assert "how large; 100 % (default: 0.5)" in shown

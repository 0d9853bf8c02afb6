"""What all commands share: flags made of settings, exit codes, errors of one line."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from bam.base.errors import BamError, unknown
from bam.base.settings import Kind, Parameter, checked, parameters
from bam.base.texts import split_outside_brackets
from bam.data_prep.dataset import Dataset
from bam.data_prep.written import WrittenImages


class UsageError(Exception):
    """Flags that cannot be meant: exit code 2."""


class _Parser(argparse.ArgumentParser):
    """Errors of one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


class Flags:
    """The flags that were given, of settings in groups.

    groups: title -> dataclass of settings. A flag that several of them have is one flag.
    """

    def __init__(self, command: str, doc: str, groups: Mapping[str, type], argv: Sequence[str]):
        parser = _Parser(
            prog=command,
            usage=f"{command} [--flag VALUE ...]",
            description=doc,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        self.names: dict[str, Parameter] = {}
        for title, kind in groups.items():
            group = parser.add_argument_group(title)
            for parameter in parameters(kind):
                if parameter.name not in self.names:
                    self.names[parameter.name] = parameter
                    _add(group, parameter)
        given, others = parser.parse_known_args(list(argv))
        for word in others:
            if not word.startswith("-"):
                raise UsageError(f"unexpected argument {word!r}: every setting is a flag")
            raise UsageError(str(unknown("flag", word.split("=")[0], [f"--{name}" for name in self.names])))
        self.given: dict[str, Any] = vars(given)

    def settings(self, kind: type[Kind], **more: Any) -> Kind:
        """The settings of this kind that the flags say. Raises `UsageError` for a value that cannot be."""
        names = [parameter.name for parameter in parameters(kind)]
        try:
            return checked(kind, {name: self.given[name] for name in names if name in self.given} | more)
        except BamError as error:
            raise UsageError(self.translated(str(error))) from None

    def translated(self, message: str) -> str:
        """A message of the library, which speaks of parameters, with flags in their place."""
        return re.sub(
            r"`(\w+)`", lambda found: f"--{found[1]}" if found[1] in self.names else found[0], message
        )


def _add(group: Any, parameter: Parameter) -> None:
    default = parameter.default
    shown = ",".join(map(str, default)) if isinstance(default, list) else default
    text = ": ".join([parameter.description, *([" | ".join(parameter.choices)] if parameter.choices else [])])
    text += f" (--no{parameter.name}: not)" if default is True else ""
    text += "" if default is False or default in (None, []) else f" (default: {shown})"
    text = text.replace("%", "%%")
    flag, name = f"--{parameter.name}", parameter.name
    if parameter.kind == "boolean":
        group.add_argument(flag, nargs="?", const=True, metavar="BOOL", help=text)
        group.add_argument(f"--no{name}", dest=name, action="store_false", help=argparse.SUPPRESS)
    else:
        several = parameter.kind == "array"
        kind, action = (split_outside_brackets, "extend") if several else (str, _Once)
        group.add_argument(flag, type=kind, action=action, metavar=parameter.kind.upper(), help=text)


class _Once(argparse.Action):
    """A flag whose first value a second one would replace without a word."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        if hasattr(namespace, self.dest):
            parser.error(f"{option} is given twice")
        setattr(namespace, self.dest, values)


def red(text: str) -> str:
    """`text` in red on a terminal, as it is elsewhere."""
    return f"\033[31m{text}\033[0m" if sys.stdout.isatty() else text


def say_if_drawn(dataset: Dataset | WrittenImages) -> None:
    """One line if the dataset is made from the drawn sample."""
    if dataset.description["settings"]["source"] == "drawn":
        print(f"{dataset.folder} is made from the drawn sample, not from photographs")


def run(
    main: Callable[[Flags], None],
    command: str,
    doc: str,
    groups: Mapping[str, type] | Callable[[Sequence[str]], Mapping[str, type]],
    argv: Sequence[str] | None,
) -> None:
    """Run a command and exit: 0 done, 1 failed with one line, 2 wrong usage, 130 interrupted.

    groups: as for `Flags`, or what makes them of the flags given. argv: the command's name and its flags; by
    default those of this process.
    """
    name, *given = argv or [f"python -m {command}", *sys.argv[1:]]
    translated: Callable[[str], str] = str
    try:
        flags = Flags(name, doc, groups(given) if callable(groups) else groups, given)
        translated = flags.translated
        main(flags)
    except UsageError as error:
        print(f"{error}; see --help", file=sys.stderr)
        sys.exit(2)
    except (BamError, OSError) as error:
        print(f"error: {translated(str(error))}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted: run the same command again, it uses what is finished", file=sys.stderr)
        sys.exit(130)

"""What numbers were made with, to tell where they must be the same bit for bit."""

from __future__ import annotations

import platform
from pathlib import Path

from bam.base.threads import cores
from bam.leaderboard.entry import Machine

# Instruction sets that arithmetic chooses among.
_SETS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")


def processor(description: Path = Path("/proc/cpuinfo")) -> str:
    """The kind of processor, with its instruction sets and how many cores share the work.

    description: where Linux says so; elsewhere it is what Python knows.
    """
    known = {}
    if description.is_file():
        lines = (line.partition(":") for line in description.read_text(encoding="utf-8").splitlines())
        for name, _, value in lines:
            known.setdefault(name.strip(), value.strip())
    name = known.get("model name") or platform.processor() or platform.machine()
    numbers = [f"{key} {known[key]}" for key in ("cpu family", "model") if key in known]
    flags = (known.get("flags") or known.get("Features") or "").split()
    sets = [name for name in _SETS if name in flags]
    return ", ".join([name, *numbers, *([" ".join(sets)] if sets else []), f"{cores()} cores"])


def this_machine() -> Machine:
    """What this process computes with."""
    from bam.metrics.results.environment import environment

    found = environment()
    return Machine(found.python, found.platform, processor(), found.devices, found.packages)


# Packages that digits depend on.
_ARITHMETIC = ("tensorflow", "tf-keras", "numpy")


def otherwise(there: Machine, here: Machine) -> list[str]:
    """In what two machines differ on which digits depend; nothing where they must be the same bit for bit."""
    if there.processor is None:
        found = ["the kind of processor is not recorded"]
    else:
        same = there.processor == here.processor
        found = [] if same else [f"processor {there.processor}, here {here.processor}"]
    if there.devices != here.devices:
        found.append(f"devices {', '.join(there.devices)}, here {', '.join(here.devices)}")
    versions = ((name, there.packages.get(name), here.packages.get(name)) for name in _ARITHMETIC)
    return found + [f"{name} {before}, here {now}" for name, before, now in versions if before != now]

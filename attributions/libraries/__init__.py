"""Methods of other libraries by name: `captum:DeepLift`, `captum:NoiseTunnel(IntegratedGradients)`.

A library is imported when one of its methods is asked for.
"""

from __future__ import annotations

from bam.attributions.libraries.base import Library, wraps
from bam.attributions.libraries.captum import CAPTUM
from bam.attributions.libraries.grad_cam import GRAD_CAM
from bam.attributions.libraries.saliency import SALIENCY
from bam.attributions.libraries.torchcam import TORCHCAM
from bam.attributions.registry import Method
from bam.base.errors import BamError

LIBRARIES: dict[str, Library] = {each.name: each for each in (CAPTUM, GRAD_CAM, TORCHCAM, SALIENCY)}


def is_of_library(entry: str) -> bool:
    """Whether an entry of a list of methods names one of another library's, there or not.

    >>> is_of_library("captum:DeepLift"), is_of_library("captum.py:mine")
    (True, False)
    """
    name, colon, _ = entry.partition(":")
    return bool(colon) and name in LIBRARIES


def library_method(entry: str) -> Method:
    """The method that "LIBRARY:CLASS" stands for, or "LIBRARY:CLASS(CLASS)" with one that is given another.

    Its settings are those of the library that are numbers, truths or texts, by their names there, and what
    the library leaves open; its version is the library's. Raises `BamError` if the library is not installed,
    cannot be imported, or has no such method for images.

    >>> library_method("saliency:XRAI").defaults["steps"]
    100
    """
    name, _, rest = entry.partition(":")
    kind, bracket, inner = rest.partition("(")
    return LIBRARIES[name].method(kind.strip(), inner.rpartition(")")[0].strip() if bracket else "")


def in_words() -> str:
    """What is found in the installed versions, a line for each library, or why it cannot be used."""
    parts = []
    for library in LIBRARIES.values():
        try:
            found = library.found()
        except BamError as error:
            parts.append(str(error))
            continue
        names = ", ".join(f"{name}(METHOD)" if wraps(kind) else name for name, kind in found.items())
        parts.append(f"{library.title} {library.version}, as {library.name}:NAME: {names}")
    return "\n".join(parts)


def cited(name: str) -> tuple[str, ...]:
    """Keys of what is to be cited for an explainer of this name; none if it is of no library.

    >>> cited("captum:Saliency(abs=False)")
    ('kokhlikyan2020captum',)
    """
    return (LIBRARIES[name.partition(":")[0]].cite,) if is_of_library(name) else ()

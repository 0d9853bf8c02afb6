"""Archives of photographs: fetched, checked against their MD5, unpacked inside their folder.

A download that was cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from bam.base.errors import BamError
from bam.base.files import write_text
from bam.base.progress import Progress

CHUNK = 1 << 20
MEGABYTE = 1e6


@dataclass(frozen=True)
class Archive:
    """A file to fetch, its MD5, and which of its members (by prefix) belong in the folder `dataset`.

    size, unpacked: of the file, and of what is wanted of it, in bytes, about.
    """

    dataset: str
    url: str
    md5: str
    wanted: tuple[str, ...]
    size: int = 0
    unpacked: int = 0

    @property
    def name(self) -> str:
        """Of the file."""
        return self.url.rsplit("/", 1)[-1]

    def done(self, folder: Path) -> Path:
        """The file that says that the archive was unpacked below `folder`."""
        return folder / self.dataset / f".{self.name}.done"

    def fetched(self, folder: Path) -> int:
        """How many bytes of the file lie in `folder` already."""
        files = folder / self.name, _partial(folder / self.name)
        return sum(file.stat().st_size for file in files if file.exists())


# The sums are those that users of COCO and MiniPlaces have long published and checked against.
ARCHIVES = (
    Archive(
        "coco",
        "http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "f4bbac642086de4f52a3fdda2de5fa2c",
        ("annotations/instances_train2017.json",),
        252_907_541,
        470_000_000,
    ),
    Archive(
        "coco",
        "http://images.cocodataset.org/zips/train2017.zip",
        "cced6f7f71b7629ddf16f17bbcfab6b2",
        ("train2017/",),
        19_336_861_798,
        19_336_861_798,
    ),
    Archive(
        "miniplaces",
        "http://miniplaces.csail.mit.edu/data/data.tar.gz",
        "265825ec94f79390e4f1e38045a69059",
        ("images/train/", "objects/train/"),
        500_000_000,
        500_000_000,
    ),
)


def space_needed(archives: Iterable[Archive], folder: Path) -> int:
    """Bytes that fetching the archives one after another still takes at its fullest, about.

    Each is removed when it is unpacked.
    """
    kept = fullest = 0
    for archive in archives:
        fullest = max(fullest, kept + archive.size + archive.unpacked - archive.fetched(folder))
        kept += archive.unpacked
    return fullest


def check_space(folder: Path, needed: float) -> None:
    """Raise `BamError` if fewer than `needed` bytes are free where `folder` is, or is to be."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise BamError(
            f"{folder} needs {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free there: make room, "
            "or give another `folder`"
        )


def fetch(archive: Archive, folder: Path) -> None:
    """Download, check and unpack one archive below `folder`; does nothing if that is done already.

    Raises `BamError` if the server does not answer, the sum differs, or a member is unsafe.
    """
    packed, done = folder / archive.name, archive.done(folder)
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not packed.exists():
        _download(archive.url, packed)
    if _md5(packed) != archive.md5:
        packed.unlink()
        raise BamError(f"{archive.url} does not have the MD5 {archive.md5}: run again to fetch it anew")
    unpack(packed, folder / archive.dataset, archive.wanted)
    write_text(done, f"{archive.md5}\n")
    packed.unlink()


def _download(url: str, path: Path) -> None:
    """Fetch `url` to `path`, going on from what an earlier attempt left beside it."""
    partial = _partial(path)
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            if answer.status != 206:  # the server sends all of it, whatever was asked for
                have = 0
            expected = have + int(answer.headers["Content-Length"] or 0)
            with open(partial, "ab" if have else "wb") as file:
                whole = expected / MEGABYTE or None
                with Progress(f"fetching {path.name}", whole, "MB", have / MEGABYTE) as progress:
                    _copy(answer, file, progress)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:  # 416: nothing is left to send
            raise BamError(f"{url}: the server answers {error.code} {error.reason}") from None
        expected = have
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise BamError(f"{url} cannot be fetched ({error}): run again to go on") from None
    if partial.stat().st_size < expected:
        raise BamError(f"{url} broke off at {partial.stat().st_size} of {expected} bytes: run again to go on")
    os.replace(partial, path)


def _partial(path: Path) -> Path:
    """What there is of a file that is being fetched."""
    return path.with_name(f"{path.name}.partial")


def _copy(source: IO[bytes], target: IO[bytes], progress: Progress) -> None:
    while chunk := source.read(CHUNK):
        target.write(chunk)
        progress.advance(len(chunk) / MEGABYTE)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    size = path.stat().st_size / MEGABYTE
    with open(path, "rb") as file, Progress(f"checking {path.name}", size, "MB") as progress:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress.advance(len(chunk) / MEGABYTE)
    return digest.hexdigest()


def unpack(packed: Path, folder: Path, wanted: tuple[str, ...]) -> None:
    """Unpack the `wanted` members (by prefix) of a .zip or .tar.gz into `folder`.

    Each top folder of the archive appears in `folder` when it is complete. Raises `BamError`, before
    anything is put in place, for a member that would land elsewhere or that is no plain file, for a file that
    is no whole archive, and if no member is wanted.
    """
    partial = folder.with_name(f".{packed.name}.unpacked")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _unpack(packed, partial, wanted)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BamError(f"{packed} is no whole archive ({error}): remove it and run again") from None
    folder.mkdir(parents=True, exist_ok=True)
    for child in partial.iterdir():
        shutil.rmtree(folder / child.name, ignore_errors=True)
        os.replace(child, folder / child.name)
    shutil.rmtree(partial, ignore_errors=True)


def _unpack(packed: Path, partial: Path, wanted: tuple[str, ...]) -> None:
    with Progress(f"unpacking {packed.name}", None, "files") as progress:
        for name, open_member in _members(packed):
            progress.advance(1)
            member = PurePosixPath(name)
            if member.is_absolute() or ".." in member.parts or "\\" in name:
                raise BamError(
                    f"{packed} holds a member outside its folder, {name!r}: it is not as published"
                )
            if not str(member).startswith(wanted):
                continue
            target = partial / member
            target.parent.mkdir(parents=True, exist_ok=True)
            with open_member() as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file, CHUNK)
    if not partial.exists():
        raise BamError(f"{packed} holds none of {', '.join(wanted)}: it is not as published")


def _members(packed: Path) -> Iterator[tuple[str, object]]:
    """Name and opener of each file of an archive; links and devices are refused."""
    if packed.suffix == ".zip":
        with zipfile.ZipFile(packed) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: archive.open(info)
        return
    with tarfile.open(packed, "r:gz") as archive:
        for info in archive:
            if info.isfile():
                yield info.name, lambda info=info: archive.extractfile(info)
            elif not info.isdir():
                raise BamError(
                    f"{packed} holds {info.name!r}, which is no plain file: it is not as published"
                )

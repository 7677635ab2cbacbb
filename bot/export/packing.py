"""Packs an export into one ZIP file that is always the same: names in order, no times, no owners."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from bot.export.making import Exported


def pack(done: Exported, out: BinaryIO) -> None:
    """Write the files of an export and its manifest."""
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=6) as packed:
        for name, path in _files(done):
            about = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            about.compress_type = ZIP_DEFLATED
            about.create_system = 3  # Unix, so that the mode counts
            about.external_attr = 0o600 << 16
            about.file_size = path.stat().st_size
            with path.open("rb") as source, packed.open(about, "w") as target:
                copyfileobj(source, target, 1 << 20)


def _files(done: Exported) -> Iterator[tuple[str, Path]]:
    if done.path.is_dir():
        for path in sorted(path for path in done.path.rglob("*") if path.is_file()):
            yield str(path.relative_to(done.path)), path
    else:
        yield done.path.name, done.path
        yield done.manifest.name, done.manifest

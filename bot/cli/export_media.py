"""`communique export-media`: copies stored files to a directory, named by their hash, with a manifest."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.names import warn_unknown_sources
from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.output import Session, say
from bot.cli.terminal.times import zone_option
from bot.documents.counts import format_count
from bot.errors import UserError
from bot.foreign.text import csv_cell
from bot.listing.times import Zone, parse_time
from storage.frozen import dataclass
from storage.media.types import ending

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.media.summary import FileOfPost

_COLUMNS = ("file", "sha256", "bytes", "type", "kind", "source", "native_id", "url", "posted_at", "called", "name")
_KINDS = ("voice", "audio", "photo", "video", "round", "document")
_PIECE = 1 << 20
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _File:
    """One stored file with what its post says about it."""

    row: "FileOfPost"
    name: str  # ours


@click.command("export-media")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Only this source; may be repeated.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only this kind; may be repeated.")
@click.option("--since", metavar="TIME", help="Published since then: 7d, 2026-11-01, yesterday.")
@click.option("--force", is_flag=True, help="Allow a directory that is not empty; nothing is overwritten.")
@zone_option
@click.pass_obj
def command(
    session: Session,
    directory: Path,
    sources: tuple[str, ...],
    kinds: tuple[str, ...],
    since: str | None,
    force: bool,
    zone: Zone,
) -> None:
    """Copy stored files to DIR, each once, with manifest.csv. Each file is checked against its SHA-256.

    \b
    communique export-media --source spokesman --since 7d --kind voice evidence/
    """  # noqa: D301  click reads the backspace
    start = None if since is None else parse_time(since, zone, session.clock.now(), option="--since")
    archive = session.archive()
    folder = _open_folder(directory, force=force)
    try:
        with archive.reading() as reader:
            unknown = warn_unknown_sources(session, reader, sources)
            files = list(_choose_files(reader, sources, kinds, start))
        broken = _copy_all(folder, session.data_dir(), files)
    finally:
        os.close(folder)
    for sentence in broken:
        say(session, sentence)
    copied = len({file.name for file in files}) - len(broken)
    posts = len({file.row.post_id for file in files})
    say(session, f"{format_count(copied, 'file')} of {format_count(posts, 'post')}, and manifest.csv")
    if broken:
        raise SystemExit(1)
    if unknown and not files:
        raise SystemExit(NOTHING_FOUND)


def _open_folder(directory: Path, *, force: bool) -> int:
    """Open the directory, created with mode 0700; a descriptor. Raises UserError if it must not be used."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as problem:
        raise UserError(f"cannot export to {directory}: {problem.strerror}; choose a directory of your own") from None
    status = os.fstat(folder)
    if status.st_uid != os.geteuid():
        os.close(folder)
        raise UserError(f"{directory} belongs to another user: choose a directory of your own")
    if os.listdir(folder) and not force:  # noqa: PTH208  of the folder that we hold
        os.close(folder)
        raise UserError(f"{directory} is not empty: choose a new one, or add --force")
    return folder


def _choose_files(
    reader: "Reader", sources: tuple[str, ...], kinds: tuple[str, ...], since: int | None
) -> Iterator[_File]:
    from storage.media.summary import read_stored_files

    for row in read_stored_files(reader, sources=sources, kinds=kinds, since=since):
        yield _File(row, f"{row.sha256}.{ending(row.sniffed)}")


def _copy_all(folder: int, data_dir: Path, files: list[_File]) -> list[str]:
    """Copy each content once, then write the manifest. One sentence for each file that could not be copied."""
    from bot.documents.as_json import iso

    broken: dict[str, str] = {}
    seen: set[str] = set()
    for file in files:
        if file.name not in seen:
            seen.add(file.name)
            problem = _copy(folder, data_dir / file.row.path, file)
            if problem:
                broken[file.name] = problem
    manifest = io.StringIO(newline="")
    writer = csv.writer(manifest)
    writer.writerow(_COLUMNS)
    for file in files:
        row = file.row
        cells = (
            "" if file.name in broken else file.name, row.sha256, row.size, row.sniffed, row.kind,
            row.source, row.native_id, row.url, iso(row.posted_at), row.mime, row.name,
        )  # fmt: skip
        writer.writerow([csv_cell(str(cell)) if cell is not None else "" for cell in cells])
    _write(folder, "manifest.csv", [manifest.getvalue().encode("utf-8", "replace")])
    return list(broken.values())


def _copy(folder: int, path: Path, file: _File) -> str | None:
    """Copy one file and compare its hash; the reason if it failed."""
    from hashlib import sha256

    state = sha256()

    def pieces() -> Iterator[bytes]:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as source:
            while piece := source.read(_PIECE):
                state.update(piece)
                yield piece

    try:
        _write(folder, file.name, pieces())
    except FileExistsError:
        return _compare_existing(folder, file)
    except OSError as problem:
        return f"{path}: {problem.strerror}"
    if state.hexdigest() != file.row.sha256:
        os.unlink(file.name, dir_fd=folder)
        return f"{path} was not exported: its content does not have the SHA-256 of its name"
    return None


def _compare_existing(folder: int, file: _File) -> str | None:
    """Accept a file that has the name already if its content is the same; the reason if not."""
    from hashlib import sha256

    try:
        descriptor = os.open(file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as found:
            state = sha256()
            while piece := found.read(_PIECE):
                state.update(piece)
    except OSError as problem:
        return f"{file.name} exists in the directory and cannot be read ({problem.strerror}): it was not replaced"
    same = state.hexdigest() == file.row.sha256
    return None if same else f"{file.name} exists in the directory with other content: it was not replaced"


def _write(folder: int, name: str, pieces: Any) -> None:
    if name == "manifest.csv":  # a second export writes its own manifest
        taken = set(os.listdir(folder))
        number = 1
        while name in taken:
            number += 1
            name = f"manifest-{number}.csv"
    with os.fdopen(os.open(name, _NEW, 0o600, dir_fd=folder), "wb") as out:
        for piece in pieces:
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())

"""Makes one export: chooses the posts, lets the format write them, and gives the result its final name."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bot.errors import CommuniqueError, UserError
from bot.export import load
from bot.export.contract import Format, Material
from bot.export.draft import ExportDraft
from bot.export.manifest import NAME, ExportCounts, is_ours, write
from bot.foreign.text import json_text
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.search.selection import Selection
    from storage.sources.coverage import Coverage


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: a format, the `query` as it was typed (None: all posts), and what is wanted in its terms.

    More than `most` posts are refused. `looking` hears from time to time which post a search has come to; it may raise.
    """

    format: str
    query: str | None
    wanted: "Selection"
    most: int | None = None
    looking: "Callable[[int], None] | None" = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of it: how many posts, where they are, and where the manifest is; `aside`: what was there before."""

    posts: int
    path: Path
    manifest: Path
    aside: Path | None = None


def export(reader: "Reader", data_dir: Path, order: Order, path: Path, *, force: bool = False) -> Exported:
    """Write an export to `path`: a file, or for formats of several files a directory.

    Raises UserError where something is there that is not an export of ours, unless `force`: then a file is replaced,
    and a directory is set aside. Raises CommuniqueError for what the disk does.
    """
    format_ = load(order.format)
    with _said_of(path):  # a name may be too long even to look for
        target = _final(path, format_)
    manifest = target / NAME if format_.file is None else target.with_name(f"{target.name}.{NAME}")
    with _said_of(target), ExportDraft(target) as draft:
        _refuse_foreign(target, manifest, format_, force=force)
        if format_.file is None:
            _refuse_around(target, manifest, data_dir)
        material, counts, coverage = _gather(reader, data_dir, order)
        format_.write(material, draft)
        hashes = draft.hashes()
        if format_.file is not None:  # it is called otherwise there
            hashes = (_rename(line, target.name) for line in hashes)
        made = NAME if format_.file is None else f"{format_.file}.{NAME}"
        with draft.create(made) as out:
            write(out, order.format, order.query, order.wanted, counts, coverage, hashes, material.version)
        if format_.file is not None:
            draft.publish({format_.file: target, made: manifest})
            return Exported(counts.posts, target, manifest)
        aside = _set_aside(target, manifest)
        draft.publish_all()
        return Exported(counts.posts, target, manifest, aside)


def stream(reader: "Reader", data_dir: Path, order: Order, out: BinaryIO) -> int:
    """Write an export in order to where it is read, without a manifest. The number of posts. Raises UserError."""
    format_ = load(order.format)
    if not format_.streams:
        raise UserError(f"{order.format} cannot be written to stdout: give a path")
    material, counts, _ = _gather(reader, data_dir, order)
    format_.write(material, _Stream(out))
    return counts.posts


class _Stream:
    """The one file of an export, which is read while it is written."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:  # noqa: ARG002  there is only one
        yield self._out
        self._out.flush()

    def path(self, name: str) -> Path:
        raise NotImplementedError(name)

    def scratch(self) -> Path:
        raise NotImplementedError

    def add(self, name: str) -> None:
        raise NotImplementedError(name)


def _gather(reader: "Reader", data_dir: Path, order: Order) -> "tuple[Material, ExportCounts, Coverage]":
    from storage.posts.ids import SECOND, second_of
    from storage.search.selection import find_ids, find_sources, read_addresses, read_names, read_pages
    from storage.sources.coverage import read_coverage

    wanted, counts = order.wanted, ExportCounts()
    ids = find_ids(reader, wanted, order.looking)
    if order.most is not None and len(ids) > order.most:
        raise UserError(f"these are more than {order.most:,} posts: narrow it, or use `communique export`")
    first = second_of(ids[0]) * SECOND if ids else None
    coverage = read_coverage(reader, find_sources(reader, wanted), wanted.since, wanted.until, first)
    material = Material(
        title=order.query or "all posts",
        count=len(ids),
        pages=lambda: counts.watch(read_pages(reader, ids, wanted.may_read)),
        sources=coverage.sources,
        names=lambda asked: read_names(reader, asked, wanted.may_read),
        addresses=lambda asked: read_addresses(reader, asked, wanted.may_read),
        reader=reader,
        data_dir=data_dir,
        version=_find_version(),
    )
    return material, counts, coverage


def _find_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("communique")
    except PackageNotFoundError:
        return "a checkout"


# Where it goes --------------------------------------------------------------------------------------------------------


def _final(path: Path, format_: Format) -> Path:
    """The final name; in a directory that exists, a file gets a name of ours."""
    target = Path(os.path.abspath(path))  # noqa: PTH100  a link is not followed
    if not target.parent.is_dir():
        raise UserError(f"there is no directory {target.parent}")
    if format_.file is not None and target.is_dir():
        return target / format_.file
    return target


def _refuse_foreign(target: Path, manifest: Path, format_: Format, *, force: bool) -> None:
    """Raise UserError for what is there and is not an export that nobody has changed since."""
    if not os.path.lexists(target):
        return
    if format_.file is None:
        free = not target.is_symlink() and target.is_dir() and not any(target.iterdir())
        if free or force or _is_ours(target, manifest, None):
            return
    elif not target.is_file():
        raise UserError(f"{target} exists and is no file: choose another name")
    elif force or _is_ours(target.parent, manifest, target.name):
        return
    raise UserError(f"{target} exists and is not an unchanged export: choose another name, or add --force")


def _refuse_around(target: Path, manifest: Path, data_dir: Path) -> None:
    """Raise UserError for a directory that cannot be set aside: whoever is in it would lose the way."""
    if not os.path.lexists(target) or target.is_symlink() or _is_ours(target, manifest, None):
        return
    for inside, what in ((data_dir, "the archive"), (Path.cwd(), "the current directory")):
        if inside.resolve().is_relative_to(target.resolve()) and any(target.iterdir()):
            raise UserError(f"{target} holds {what} and stays where it is: choose another name")


def _is_ours(folder: Path, manifest: Path, file: str | None) -> bool:
    return not folder.is_symlink() and is_ours(manifest, folder, file)


def _set_aside(target: Path, manifest: Path) -> Path | None:
    """Keep a directory that is not ours under another name; where that is, or None if there was nothing to keep."""
    if not os.path.lexists(target) or _is_ours(target, manifest, None):
        return None
    if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
        return None
    number = 1
    while os.path.lexists(aside := target.with_name(f"{target.name}.{number}")):
        number += 1
    target.rename(aside)
    return aside


def _rename(line: str, name: str) -> str:
    return json_text(json.loads(line) | {"name": name})


@contextmanager
def _said_of(target: Path) -> Iterator[None]:
    """Say what the disk does in one sentence."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise CommuniqueError(f"no space left for {target}: free some space; nothing was written there") from None
        raise CommuniqueError(f"cannot write to {target}: {problem.strerror or problem}") from None

"""Posts from a file of JSON lines, or from what is piped in: re-imports, tests, the demo's past.

A line is a post as `communique search --jsonl` writes it. Required are `native_id` (text, or a whole number from 0 to
2^63 - 1), `posted_at` (ISO 8601 with an offset; null where the time is not known) and `text`. Optional are `title url
author edited_at deleted_at forwarded_from reply_to links media texts`. `id collected_at language rules revisions` are
ignored and worked out again.
A later line with the same `native_id` and other words is a revision, one that brings or drops `deleted_at` a deletion
or its end. A file that grows is followed; one that was replaced is read again from its beginning.
"""

import asyncio
import hashlib
import json
import os
import stat
import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, BinaryIO, Literal

from pydantic import Field

from bot.clock import SECOND
from bot.contracts.settings import Amount, ConfigPath
from bot.contracts.source import SourceSettings, SourceTools, Want
from bot.errors import Later, Never
from bot.sources.replay.jsonl import LONGEST_LINE, ReadLines, read_lines, reread
from storage.frozen import dataclass
from storage.records import Batch, Checked, FetchedPost, Quarantined, StoredRaw

WINDOW = 2 * LONGEST_LINE
_QUIET = 2 * SECOND
_PRINT = 4096
READER = 1  # see bot.contracts.source.Rereader
_PATIENCE = 1.0


class Settings(SourceSettings):
    """`path` is a file of JSON lines, relative to the config file, or "-" for what is piped in."""

    path: Annotated[Literal["-"] | ConfigPath, Field(union_mode="left_to_right")]
    backfill: Amount = "all"

    def reads(self) -> str:
        """The path of the file."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class ReplayCursor:
    """Where reading continues, stored as JSON.

    `at` counts bytes. `print` is the fingerprint of what comes before it, for a pipe its name.
    `skipping` is True inside a line that is too long. `reported` is the hash of a reported unfinished last line.
    """

    at: int = 0
    print: str = ""
    skipping: bool = False
    reported: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> "ReplayCursor":
        """Read a stored cursor; one of another kind of source means the beginning."""
        try:
            fields = json.loads(cursor or "{}")
            return cls(**{"reported" if name == "told" else name: value for name, value in fields.items()})
        except (ValueError, TypeError, AttributeError):
            return cls()

    def write(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class FileChunk:
    """What was read of the file, how long nothing was written to it, whether more is left, whether it was replaced."""

    taken: ReadLines
    print: str
    cut: bool
    quiet_for: int
    replaced: bool


class ReplayFile:
    """One file. Nothing can be paged or re-checked: everything that it holds is delivered from its beginning."""

    pages = False
    checks = False
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings: SourceSettings = settings
        self._path = tools.directory / settings.path
        self._clock = tools.clock

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """Up to 200 lines behind the cursor, batch by batch in file order; `more` while complete lines are left."""
        mark = ReplayCursor.read(cursor)
        piece = await asyncio.to_thread(self._read, mark, known=cursor is not None)
        resting = piece.quiet_for >= _QUIET
        if piece.taken.unfinished and not resting:  # somebody may be in the middle of this line
            await asyncio.sleep(_QUIET / SECOND)
            again = await asyncio.to_thread(self._read, mark, known=cursor is not None)
            resting = again.taken.unfinished == piece.taken.unfinished
            piece = again
        taken = piece.taken
        unfinished = _hash(taken.unfinished.raw.data) if taken.unfinished else ""
        reported = unfinished and mark.reported
        fresh = taken.unfinished if resting and unfinished != mark.reported else None
        replaced = f"{self._path.name} was replaced or rewritten: it is read again from its beginning"
        return _batch(
            taken,
            ReplayCursor(taken.end, piece.print, taken.skipping, unfinished if fresh else reported),
            more=taken.more or piece.cut,
            unfinished=fresh,
            notices=(replaced,) if piece.replaced else (),
        )

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What is in stored lines now."""
        return await asyncio.to_thread(lambda: [reread(one) for one in stored])

    async def check(self, native_id: str) -> Checked:
        """Not possible: a line that is gone says nothing of its post."""
        raise Never(f"a replayed file has no place to look up {native_id!r} again")

    def _read(self, mark: ReplayCursor, *, known: bool) -> FileChunk:
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):  # opening a named pipe would wait for its writer
                raise Never(f"{self._path} is no regular file", remedy='pipe it in and set `path` to "-"')
            with self._path.open("rb") as file:
                about = os.fstat(file.fileno())
                same = mark.at <= about.st_size and mark.print == _fingerprint(file, mark.at)
                start = mark.at if same else 0
                file.seek(start)
                data = file.read(WINDOW)
                cut = start + len(data) < about.st_size
                taken = read_lines(data, start, skipping=mark.skipping and same, tail="cut" if cut else "open")
                seen = _fingerprint(file, taken.end)
        except OSError as error:
            raise self._refusal(error, known=known) from None
        return FileChunk(taken, seen, cut, self._clock.now() - about.st_mtime_ns // 1_000, replaced=known and not same)

    def _refusal(self, error: OSError, *, known: bool) -> Later | Never:
        """A file that was there before may come back (it is being replaced); one that never was is a mistake."""
        if isinstance(error, FileNotFoundError) and not known:
            return Never(f"{self._path} does not exist", remedy="create it or correct `path` in the config")
        if isinstance(error, PermissionError):
            return Never(f"{self._path} may not be read", remedy=f"chmod u+r {self._path}")
        return Later(f"{self._path} cannot be read: {(error.strerror or str(error)).lower()}")


class ReplayPipe:
    """What is piped in, until its end. What has not been stored is handed out again; after a crash it is gone."""

    pages = False
    checks = False
    reader_number = READER

    def __init__(self, settings: Settings, *, descriptor: int = 0) -> None:
        self.settings: SourceSettings = settings
        self._descriptor = descriptor
        self._name = uuid.uuid4().hex
        self._arrived = threading.Condition()
        self._held = bytearray()
        self._base = 0
        self._ended = False
        self._reader: threading.Thread | None = None

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """Up to 200 lines that have arrived; `more` until the other end has closed."""
        if os.isatty(self._descriptor):
            raise Never("nothing is piped in", remedy='feed it, as in "communique run --once < posts.jsonl"')
        mark = ReplayCursor.read(cursor)
        mark = mark if mark.print == self._name else ReplayCursor(self._base, self._name)
        if self._reader is None:
            # A thread of our own that dies with the process: a read that waits for ever must not hold up the end.
            self._reader = threading.Thread(target=self._fill, name="replay", daemon=True)
            self._reader.start()
        data, ended = await asyncio.to_thread(self._wait, mark.at)
        taken = await asyncio.to_thread(
            read_lines, data, mark.at, skipping=mark.skipping, tail="ended" if ended else "cut"
        )  # fmt: skip
        more = not ended or taken.more
        return _batch(taken, ReplayCursor(taken.end, self._name, taken.skipping), more=more)

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What is in stored lines now."""
        return await asyncio.to_thread(lambda: [reread(one) for one in stored])

    async def check(self, native_id: str) -> Checked:
        """Not possible: what has been piped in is gone."""
        raise Never(f"what was piped in has no place to look up {native_id!r} again")

    def _wait(self, stored: int) -> tuple[bytes, bool]:
        """What has arrived and is not stored, as soon as it holds a line; whatever there is after a second."""
        with self._arrived:
            del self._held[: max(stored - self._base, 0)]
            self._base = max(stored, self._base)
            self._arrived.notify_all()
            self._arrived.wait_for(
                lambda: self._ended or b"\n" in self._held or len(self._held) > LONGEST_LINE, _PATIENCE
            )
            return bytes(self._held[:WINDOW]), self._ended and len(self._held) <= WINDOW

    def _fill(self) -> None:
        piece = b"-"
        while piece:
            try:
                piece = os.read(self._descriptor, 1 << 16)
            except OSError:  # closed under us: the same as its end
                piece = b""
            with self._arrived:
                self._held += piece
                self._ended = not piece
                self._arrived.notify_all()
                self._arrived.wait_for(lambda: len(self._held) < WINDOW)


def build(settings: SourceSettings, tools: SourceTools) -> ReplayFile | ReplayPipe:
    """The working source behind its settings."""
    assert isinstance(settings, Settings)
    return ReplayPipe(settings) if settings.path == "-" else ReplayFile(settings, tools)


def _batch(
    taken: ReadLines,
    cursor: ReplayCursor,
    *,
    more: bool,
    unfinished: Quarantined | None = None,
    notices: tuple[str, ...] = (),
) -> Batch:
    return Batch(
        posts=taken.posts,
        quarantined=(*taken.quarantined, unfinished) if unfinished else taken.quarantined,
        cursor=cursor.write(),
        more=more,
        end=not more,
        notices=notices,
    )


def _fingerprint(file: BinaryIO, end: int) -> str:
    """What distinguishes a file that grew from one that was replaced: the first and the last 4 KB before `end`."""
    if not end:
        return ""
    file.seek(0)
    first = file.read(min(end, _PRINT))
    file.seek(max(0, end - _PRINT))
    return _hash(first + file.read(min(end, _PRINT)))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]

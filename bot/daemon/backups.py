"""Makes the backups that [backup] asks for: a child process at low priority, so that the line of posts never waits."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.clock import HOUR, Clock
from bot.config import Config
from bot.errors import Later
from storage.alerts import notices, outbox
from storage.archive.database import Writer
from storage.backups import record
from storage.backups.catalog import backups_in

_ABOUT = "backups"
_CHILD = """
import contextlib, os, sys
from bot.__main__ import main
with contextlib.suppress(OSError):
    os.nice(10)
main(sys.argv[1:])
"""


@dataclass(slots=True)
class Backups:
    """The backups of one process. `config` is the current one; one is due by the newest in the directory it names."""

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    config: Config
    health: Callable[[], Sequence[str]]
    bell: Bell = field(default_factory=Bell)
    _tried_at: int | None = None
    _looked_at: Path | None = None
    _newest: int | None = None  # of the directory that was looked at

    async def run(self) -> None:
        """Work until cancelled; a backup that is cancelled is given up, and older ones stay as they are."""
        while True:
            to = self.config.backup.to
            if to is not None and await self._is_due(to):
                await self._round(to)
            await self.bell.wait()

    async def _is_due(self, to: Path) -> bool:
        if self._looked_at != to:
            self._looked_at, self._tried_at = to, None
            self._newest = await asyncio.to_thread(_newest_in, to)
        now, every = self.clock.now(), self.config.backup.every
        if self._tried_at is not None and 0 <= now - self._tried_at < min(every, HOUR):
            return False
        return self._newest is None or not 0 <= now - self._newest < every

    async def _round(self, to: Path) -> None:
        self._tried_at = self.clock.now()
        before = await self.archive.read(record.read)
        try:
            made = await self._make(to)
        except Later as failed:
            self.say(f"the backup to {to} failed: {failed.reason}")
            await self.archive.run(_report_failure, failed.reason, self.health(), self.clock.now())
            return
        self._newest = self._tried_at
        self.say(f"backup: {made}")
        if before.failing_since is not None:
            await self.archive.run(_report, "backups work again", self.health(), self.clock.now())

    async def _make(self, to: Path) -> str:
        """Make one in a child process; where it is. Raises Later with the sentence that the child said."""
        options = ["--data-dir", str(self.config.data_dir)]
        if self.config.path is not None:
            options += ["--config", str(self.config.path)]
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CHILD, *options, "backup", "--json", str(to),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            said = err.decode(errors="replace").strip().splitlines()
            raise Later(said[-1] if said else f"it ended with {child.returncode}")
        return str(json.loads(out)["path"])


def _newest_in(directory: Path) -> int | None:
    try:
        rows = backups_in(directory)
    except OSError:  # then it is tried, and the try says what is wrong
        return None
    return rows[-1].moment if rows else None


def _report(writer: Writer, sentence: str, health: Sequence[str], now: int) -> None:
    notices.add(writer, now, _ABOUT, sentence)
    outbox.announce(writer, health, _ABOUT, sentence, now)


def _report_failure(writer: Writer, reason: str, health: Sequence[str], now: int) -> None:
    if record.note_failure(writer, now, reason):
        _report(writer, f"backups fail: {reason}", health, now)

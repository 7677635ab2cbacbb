"""Composes the messages of deliveries that were claimed; one that cannot be composed is refused, not tried again."""

from collections.abc import Sequence
from dataclasses import replace

from bot.alerts.digests.compose import compose_digest
from bot.alerts.following import compose_files
from bot.alerts.handing import where
from bot.alerts.material import ReadTogether, read_alert
from bot.alerts.render import Rendering, render, render_notice
from bot.archive import AsyncArchive
from bot.contracts.message import Message, Shows
from bot.contracts.target import MessageRefused
from bot.errors import Later, Never
from storage.archive.database import Reader
from storage.archive.errors import ArchiveError
from storage.frozen import dataclass
from storage.media import following
from storage.records import DeliveryRow


@dataclass(frozen=True, slots=True)
class Composer:
    """The archive, and how messages look."""

    store: AsyncArchive
    rendering: Rendering

    async def compose(self, rows: Sequence[DeliveryRow], shows: Shows) -> list[Message | Later | Never]:
        """The message of each delivery, or why there is none. Several are read at once."""
        if len(rows) > 1:
            try:
                return await self.store.read(self._compose_several, rows, shows)
            except ArchiveError:
                raise
            except Exception:  # noqa: BLE001 - one of them cannot be composed: each by itself shows which
                return [await self._compose_one(row, shows) for row in rows]
        return [await self._compose_one(row, shows) for row in rows]

    async def _compose_one(self, row: DeliveryRow, shows: Shows) -> Message | Later | Never:
        try:
            return await self.store.read(self._compose, row, shows)
        except ArchiveError:
            raise
        except OSError as problem:
            return Later(f"its words cannot be written to disk: {problem.strerror}")
        except Exception as problem:  # noqa: BLE001 - one message that cannot be composed stops no other
            return MessageRefused(f"the message could not be composed: {where(problem)}")

    def _compose_several(
        self, reader: Reader, rows: Sequence[DeliveryRow], shows: Shows
    ) -> list[Message | Later | Never]:
        together = ReadTogether.of(reader, [row.match_id for row in rows if row.match_id is not None])
        return [self._compose(reader, row, shows, together) for row in rows]

    def _compose(self, reader: Reader, row: DeliveryRow, shows: Shows, together: ReadTogether | None = None) -> Message:
        message = self._of(reader, row, shows, together)
        return message if row.receipt is None else replace(message, progress=row.receipt)

    def _of(self, reader: Reader, row: DeliveryRow, shows: Shows, together: ReadTogether | None) -> Message:
        if row.kind == "files":
            return compose_files(reader, row, self.rendering.data_dir, shows)
        if row.kind == "digest":
            return compose_digest(reader, row, self.rendering, shows)
        if row.match_id is None:
            return render_notice(row, shows)
        read = read_alert(reader, row.match_id, row.target, together)
        again = shows.together is not None and following.has_files(reader, row.match_id, row.target)
        return render(row, read.story, read.post, self.rendering, shows, read.first, read.copies, again=again)

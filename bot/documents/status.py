"""PURE: what `status` shows, as JSON."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bot.documents.as_json import iso
from bot.documents.mute import mute_json
from bot.documents.source import account_json, source_json

if TYPE_CHECKING:
    from storage.status import ArchiveStatus


def status_json(
    status: "ArchiveStatus",
    now: int,
    *,
    problems: Iterable[str],
    warnings: Iterable[str],
    running: bool | None,
    pid: int | None,
    since: int | None = None,
    media: Mapping[str, object],
    media_by_source: Mapping[str, Mapping[str, object]],
    next_steps: Iterable[str],
) -> dict[str, object]:
    """Health, sources, files, gaps, queues, targets and the last notices; `now` in microseconds UTC."""
    problems = list(problems)
    return {
        "at": iso(now),
        "healthy": not problems,
        "problems": problems,
        "warnings": list(warnings),
        "daemon": {
            "running": running,
            "pid": pid,
            "since": iso(since),
            "heartbeat_at": iso(status.heartbeat_at),
        },
        "last_round_at": iso(status.last_round_at),
        "telegram": account_json(status.account, status.waits),
        "telegram_accounts": [account_json(row, ()) for row in status.accounts if row.account],
        "sources": [source_json(watch) | {"media": media_by_source[watch.name]} for watch in status.watches],
        "media": media,
        "gaps": [
            {
                "source": gap.source,
                "reason": gap.reason,
                "low": gap.low,
                "high": gap.high,
                "from_at": iso(gap.from_at),
                "to_at": iso(gap.to_at),
                "opened_at": iso(gap.opened_at),
            }
            for gap in status.gaps
        ],
        "queues": {
            queue.name: {"waiting": queue.waiting, "oldest_at": iso(queue.oldest_at)} for queue in status.queues
        },
        "targets": [
            {
                "name": target.name,
                "state": target.state,
                "reason": target.reason,
                "state_since": iso(target.state_since),
                "hold_until": iso(target.hold_until),
            }
            for target in status.targets
        ],
        "paces": list(status.paces),
        "mutes": [mute_json(mute, now) for mute in status.mutes],
        "notices": [{"at": iso(notice.at), "about": notice.about, "text": notice.text} for notice in status.notices],
        "backups": {
            "last_at": iso(status.backups.last_at),
            "path": status.backups.path,
            "kept": status.backups.kept,
            "oldest_at": iso(status.backups.oldest_at),
            "failing_since": iso(status.backups.failing_since),
            "reason": status.backups.reason,
        },
        "rereading": status.rereading and {"done": status.rereading.done, "total": status.rereading.total},
        "indexing": status.indexing and {"done": status.indexing.done, "total": status.indexing.total},
        "moving_index": status.moving
        and {
            "done": status.moving.done,
            "total": status.moving.total,
            "seconds_left": status.moving.seconds_left,
            "lacking_bytes": status.moving.lacking,
        },
        "next_steps": list(next_steps),
    }

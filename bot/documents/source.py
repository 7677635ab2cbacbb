"""PURE: a watched source and the Telegram account as JSON."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.documents.as_json import iso
from storage.state_names import OK

if TYPE_CHECKING:
    from storage.sources.telegram import AccountRow
    from storage.status import Watch


def source_json(watch: "Watch") -> dict[str, object]:
    """One source, as `status` and `sources list` show it."""
    return {
        "name": watch.name,
        "kind": watch.kind,
        "tags": json.loads(watch.tags),
        "side": watch.side,
        "handle": watch.handle,
        "channel_id": watch.channel_id,
        "title": watch.title,
        "enabled": watch.enabled,
        "paused": watch.paused,
        "state": watch.state,
        "reason": watch.reason,
        "state_since": iso(watch.state_since or None),
        "failures": watch.failures,
        "first_contact_at": iso(watch.first_contact_at),
        "high_water": watch.high_water,
        "last_ok_at": iso(watch.last_ok_at),
        "last_post_at": iso(watch.last_post_at),
        "watched_since": iso(watch.stretch_from) if watch.outcome == OK else None,
        "watched_rounds": watch.rounds if watch.outcome == OK else 0,
        "longest_pause_s": _seconds(watch.longest_pause) if watch.outcome == OK else None,
        "planned_every_s": _seconds(watch.pace),
        "next_poll_at": iso(max(watch.next_poll_at, watch.hold_until or 0) or None),
        "posts": watch.posts,
        "deleted": watch.deleted,
        "open_gaps": watch.gaps,
    }


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


def account_json(account: "AccountRow | None", waits: Iterable[tuple[str, int]]) -> dict[str, object] | None:
    """The Telegram account; None where none was ever used."""
    if account is None:
        return None
    return {
        "account": account.account or None,
        "state": account.state,
        "reason": account.reason,
        "remedy": account.remedy,
        "state_since": iso(account.state_since),
        "flood_waits": waits_json(waits),
    }


def waits_json(waits: Iterable[tuple[str, int]]) -> list[dict[str, object]]:
    """Until when each method of Telegram is rate-limited."""
    return [{"method": method, "until": iso(until)} for method, until in waits]

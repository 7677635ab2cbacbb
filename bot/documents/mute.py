"""PURE: a mute in JSON and in words."""

from typing import TYPE_CHECKING

from bot.documents.as_json import iso

if TYPE_CHECKING:
    from storage.alerts.mutes import Mute


def mute_json(mute: "Mute", now: int) -> dict[str, object]:
    """What a mute holds, until when, why and who; `active` says whether it does at `now` (microseconds UTC)."""
    return {
        "id": str(mute.id),
        "rule": mute.rule,
        "source": mute.source,
        "tag": mute.tag,
        "query": mute.query,
        "target": mute.target,
        "even_max": mute.even_max,
        "from_at": iso(mute.from_at),
        "until": iso(mute.until),
        "why": mute.why,
        "by": mute.who,
        "active": mute.is_active(now),
        "ended_at": iso(mute.ended_at),
        "ended_by": mute.ended_by,
        "held": mute.held,
    }


def describe_muted(mute: "Mute") -> str:
    """Say what is muted: "rule fire and source desk"; foreign text is as it was written."""
    parts = [
        f"{noun} {name}"
        for noun, name in (
            ("rule", mute.rule),
            ("source", mute.source),
            ("tag", mute.tag),
            ("query", mute.query and f"({mute.query})"),
            ("target", mute.target),
        )
        if name is not None
    ]
    return " and ".join(parts) + (", even max" if mute.even_max else "")

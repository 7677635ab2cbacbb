"""PURE: what has changed about who a source is, in a sentence and as JSON."""

from typing import TYPE_CHECKING

from bot.documents.as_json import iso
from bot.foreign.text import one_line

if TYPE_CHECKING:
    from storage.sources.identity import IdentityChange

_LONGEST = 200


def describe_change(change: "IdentityChange") -> str:
    """One sentence; words of the source are cut and made harmless."""
    source = one_line(change.source)
    old, new = (_words(value) for value in (change.before, change.after))
    said = {
        "id": f"is known by its id {new} from now on",
        "handle": f"is called {_name(new)} now, was {_name(old)}: the same id, so it is followed",
        "title": f"has another title: “{new}”, was “{old}”",
        "picture": "has another picture",
        "moved_to": f"says that it has moved to {new}: if that is right: communique sources accept {source}",
        "owner": f"is refused: {new}" if change.before is None else "is itself again",
        "accepted": f"follows the new owner of its name; what was collected before is under {old}",
        "preview": f"shows no public pages: {new}" if change.before is None else "shows its public pages again",
    }
    return f"source {source} {said.get(change.what, new)}"


def change_json(change: "IdentityChange") -> dict[str, object]:
    """One change."""
    return {
        "source": change.source,
        "at": iso(change.at),
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "words": describe_change(change),
    }


def _words(value: str | None) -> str:
    words = one_line(value or "")
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _name(handle: str) -> str:
    """A handle as people write it."""
    return f"@{handle}" if handle and not set(handle) & set("@.:") else handle

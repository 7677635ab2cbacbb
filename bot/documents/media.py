"""PURE: files as JSON: one of a post, one of a list, and how many there are in which state."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from bot.documents.as_json import iso, media_json
from storage.rows import MediaRow

if TYPE_CHECKING:
    from storage.media.readings import GivenUpFile
    from storage.media.summary import Held, Holding, Holdings, Listed


def file_json(item: MediaRow, known: "Holding") -> dict[str, object]:
    """A file of a post, with what became of it: the next try, and who read it."""
    return media_json(item) | {
        "next_try_at": iso(known.next_try_at),
        "waits_for_engine": known.waits,
        "read_by": known.read_by,
        "read_at": iso(known.read_at),
        "given_up": known.given_up,
    }


def listed_file_json(file: "Listed") -> dict[str, object]:
    """A file with the post that it belongs to."""
    return asdict(file) | {"posted_at": iso(file.posted_at), "read_at": iso(file.read_at)}


def counts_json(held: "Held", states: tuple[str, ...], most: int | None) -> dict[str, object]:
    """How many files are in each of `states`, and their bytes against the cap."""
    counts = {state.replace(" ", "_"): held.files.get(state, 0) for state in states}
    return {"states": counts, "bytes": held.bytes, "bytes_at_most": most}


def waiting_json(held: "Holdings", given_up: "tuple[GivenUpFile, ...]") -> Mapping[str, object]:
    """Which files wait for space or for an engine, and which were given up."""
    return {
        "no_room": [{"reason": reason, "files": count} for reason, count in held.no_room.items()],
        "waiting": [{"made": one.made, "files": one.files, "oldest_at": iso(one.oldest_at)} for one in held.awaited],
        "unread": held.unread,
        "read_badly": [{"made": made, "files": files} for made, files in held.read_badly.items()],
        "given_up": [
            {
                "source": one.file.source,
                "native_id": one.native_id,
                "kind": one.file.kind,
                "made": one.made,
                "at": iso(one.at),
                "reason": one.reason,
            }
            for one in given_up
        ],
    }

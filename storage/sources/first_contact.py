"""What a source already showed at the first contact, kept in `meta`: see records.History."""

import json
from typing import TYPE_CHECKING

from storage.records import History

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer


def save_history(writer: "Writer", source_id: int, history: History) -> None:
    """Keep what first contact took and left out."""
    value = json.dumps({"low": history.low, "high": history.high, "left_out": sorted(history.left_out)})
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": f"history:{source_id}", "value": value},
    )


def read_history(reader: "Reader", source_id: int) -> History:
    """What was remembered; everything is new where nothing was."""
    remembered = reader.value("SELECT value FROM meta WHERE key = :key", {"key": f"history:{source_id}"})
    if remembered is None:
        return History()
    found = json.loads(remembered)
    return History(found["low"], found["high"], frozenset(found["left_out"]))

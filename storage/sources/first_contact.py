"""What stood at a source before us, as `meta` remembers it: see records.History."""

import json
import sqlite3

from sqlalchemy import Connection, text

from storage.records import History


def remember(writer: Connection, source_id: int, history: History) -> None:
    """Keep what first contact took and left out."""
    value = json.dumps({"low": history.low, "high": history.high, "left_out": sorted(history.left_out)})
    writer.execute(
        text(
            "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        ),
        {"key": f"history:{source_id}", "value": value},
    )


def recall(reader: sqlite3.Connection, source_id: int) -> History:
    """What was remembered; everything is new where nothing was."""
    row = reader.execute("SELECT value FROM meta WHERE key = :key", {"key": f"history:{source_id}"}).fetchone()
    if row is None:
        return History()
    found = json.loads(row[0])
    return History(found["low"], found["high"], frozenset(found["left_out"]))

"""The words of the full-text index in a table of their own: reading them out of the index takes seconds.

Numbers are left out: there is no end of them. A word is never removed: one too many costs a look, one too few would
lose a post. So what this process knows to be in the table is believed only as long as `meta` holds the mark of its last
own addition: a transaction that was undone, or another process, leaves another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from threading import local
from typing import TYPE_CHECKING

from storage.archive.database import as_list

if TYPE_CHECKING:
    from storage.archive.database import Writer

_MARK = "index_words"  # in `meta`
_MOST = 100_000  # words that are remembered


class _Memory(local):
    """What the writer of this thread has added or met: words of folded texts."""

    def __init__(self) -> None:
        self.mark: str | None = None
        self.known: set[str] = set()  # tokens, with the marks that stand after them


_memory = _Memory()


def note(writer: Writer, folded: Iterable[str]) -> None:
    """Add the words of folded texts."""
    memory = _memory
    mark = writer.value("SELECT value FROM meta WHERE key = :key", {"key": _MARK})
    if mark is None or mark != memory.mark or len(memory.known) > _MOST:
        memory.known, memory.mark = set(), mark
    new = set().union(*map(str.split, folded)) - memory.known
    if not new:
        return
    found = set(" ".join(new).replace("-", " ").replace("+", " ").replace("'", " ").split())
    words = as_list(sorted(word for word in found if not word.isdecimal()))
    writer.execute("INSERT OR IGNORE INTO words (word) SELECT value FROM json_each(:words)", {"words": words})
    memory.known |= new
    memory.mark = os.urandom(8).hex()
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :mark) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _MARK, "mark": memory.mark},
    )

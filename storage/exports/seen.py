"""Names that a large export has met, on disk: which of them it has written, and what to write of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from storage.exports.files import as_os_errors, open_unsafe


class SeenNames:
    """Use it as a context manager; the file is the caller's to remove."""

    def __init__(self, path: Path) -> None:
        self._connection = open_unsafe(path)
        with as_os_errors():
            self._connection.execute(
                "CREATE TABLE names (number INTEGER PRIMARY KEY, name TEXT UNIQUE, words TEXT, written INTEGER)"
            )
            self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def mark_written(self, names: Iterable[str]) -> None:
        """These need not be written any more."""
        with as_os_errors():
            self._connection.executemany(
                "INSERT INTO names (name, written) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET written = 1",
                ((name,) for name in names),
            )

    def mention(self, names: Iterable[tuple[str, str]]) -> None:
        """These are spoken of, each with what to write of it where nobody else does."""
        with as_os_errors():
            self._connection.executemany("INSERT OR IGNORE INTO names (name, words, written) VALUES (?, ?, 0)", names)

    def left(self) -> Iterator[tuple[str, str]]:
        """What was mentioned and never written, in the order of the first mention."""
        yield from self._connection.execute("SELECT name, words FROM names WHERE written = 0 ORDER BY number")

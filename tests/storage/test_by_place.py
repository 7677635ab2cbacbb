import sqlite3

import pytest

from storage.archive.by_place import by_place


def test_names_become_places_wherever_they_are_used() -> None:
    rows: list[dict[str, object]] = [{"low": 1, "high": 9, "beside": "x"}, {"high": 8, "low": 2}]
    with sqlite3.connect(":memory:") as memory:
        memory.execute("CREATE TABLE seen (low, high, both)")
        memory.executemany(*by_place("INSERT INTO seen VALUES (:low, :high, :high * 10 + :low)", rows))
        memory.executemany(*by_place("DELETE FROM seen WHERE low = :low", [{"low": 1}]))
        memory.executemany(*by_place("INSERT INTO seen VALUES (?, ?, 0)", [(3, 7)]))
        assert memory.execute("SELECT * FROM seen").fetchall() == [(2, 8, 82), (3, 7, 0)]


def test_a_row_without_a_value_is_refused() -> None:
    _, rows = by_place("INSERT INTO seen VALUES (:low, :high)", [{"low": 1}])
    with pytest.raises(KeyError, match="high"):
        list(rows)

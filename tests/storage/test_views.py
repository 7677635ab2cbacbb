import re
from collections.abc import Callable
from typing import Any

import pytest

from storage.archive.database import Archive, Reader
from storage.archive.views import VIEWS
from storage.records import FetchedPost

CHILDREN = [
    name
    for name in VIEWS
    if name not in ("posts_readable", "sources_readable", "gaps_readable", "watches_readable", "mutes_readable")
]


def columns(reader: Reader, view: str) -> list[str]:
    return reader.column(f"SELECT name FROM pragma_table_info('{view}')")


def plan(reader: Reader, question: str) -> list[str]:
    """How SQLite reads the tables of a view, without those of its subqueries."""
    rows = reader.rows(f"EXPLAIN QUERY PLAN {question}")
    return [row["detail"] for row in rows if row["parent"] == 0 and re.match("SEARCH|SCAN", row["detail"])]


@pytest.mark.parametrize("view", VIEWS)
def test_looking_for_an_id_in_a_view_is_a_look_up_by_the_primary_key(archive: Archive, view: str) -> None:
    with archive.reading() as reader:
        for value in ("117661764419584", "'117661764419584'"):
            steps = plan(reader, f"SELECT * FROM {view} WHERE id = {value}")
            assert steps[0].endswith("USING INTEGER PRIMARY KEY (rowid=?)"), steps
            assert [step for step in steps if step.startswith("SCAN")] == []


@pytest.mark.parametrize("view", CHILDREN)
def test_what_belongs_to_a_post_is_found_without_reading_the_table(archive: Archive, view: str) -> None:
    with archive.reading() as reader:
        steps = plan(reader, f"SELECT * FROM {view} WHERE post_id = 117661764419584")
    assert [step for step in steps if step.startswith("SCAN")] == []


def test_the_newest_posts_are_found_without_sorting_the_archive(archive: Archive) -> None:
    with archive.reading() as reader:
        rows = reader.rows("EXPLAIN QUERY PLAN SELECT * FROM posts_readable ORDER BY id DESC LIMIT 5")
    assert [row["detail"] for row in rows if "ORDER BY" in row["detail"]] == []


def test_columns_of_the_first_release_are_where_they_were(archive: Archive) -> None:
    first = {
        "posts_readable": "id source side native_id posted collected edited deleted author title text language "
        "forwarded_from reply_to url media revisions raw_sha256",
        "matches_readable": "id rule kind matched source posted title text url alerting why post_id",
        "deliveries_readable": "id target kind state rule source url created not_before settled attempts "
        "possible_repeat reason post_id",
        "gaps_readable": "id source reason low high missing_from missing_to opened closed closed_how",
    }
    with archive.reading() as reader:
        for view, names in first.items():
            assert columns(reader, view)[: len(names.split())] == names.split()


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (1_763_799_940_000_000, "2025-11-22T08:25:40Z"),
        (1_763_799_940_250_000, "2025-11-22T08:25:40.250Z"),
        (1_763_799_940_000_007, "2025-11-22T08:25:40.000007Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_times_have_the_digits_of_the_json_output(
    desk: Any, make_post: Callable[..., FetchedPost], at: int, shown: str
) -> None:
    desk.save(make_post(7, posted_at=at))
    with desk.archive.reading() as reader:
        assert reader.value("SELECT posted_at FROM posts_readable") == shown

"""JSON for TimelineJS, which puts texts into its page as HTML."""

import json
from html.parser import HTMLParser
from pathlib import Path

from tests.export.exported import Exports


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, str | None]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add((tag, None))
        self.seen |= {(tag, name) for name, _ in attrs}
        assert all(name != "href" or (value or "").startswith("http") for name, value in attrs)


def test_nothing_in_a_post_becomes_markup(hostile: Exports, tmp_path: Path) -> None:
    found = json.loads(hostile.make("timeline", tmp_path / "timeline.json").path.read_bytes())
    tags = Tags()
    for event in (found["title"], *found["events"]):
        tags.feed(event["text"]["headline"])
        tags.feed(event["text"]["text"])
        tags.feed(event.get("start_date", {}).get("display_date", ""))
    assert tags.seen <= {("p", None), ("p", "dir"), ("a", None), ("a", "href"), ("a", "rel")}


def test_each_post_is_an_event_at_its_time(exports: Exports, tmp_path: Path) -> None:
    done = exports.make("timeline", tmp_path / "timeline.json")
    events = json.loads(done.path.read_bytes())["events"]
    assert len(events) == done.posts
    first = events[0]["start_date"]
    assert (first["year"], first["month"], first["day"]) == (2025, 11, 22)
    assert all(event["text"]["headline"] and event["group"] for event in events)

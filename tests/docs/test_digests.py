"""The digests on docs/digests.md are what the program says."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.alerts.digests.compose import compose_digest
from bot.alerts.render import Rendering
from bot.contracts.message import Shows
from storage.alerts import digests, matches, mutes, outbox
from storage.alerts.mutes import Mute
from storage.alerts.schedules import Covered, make_scheduled
from storage.archive.database import Archive, Writer
from storage.posts import saving
from storage.records import Batch, FetchedPost, Hit, MatchRow, Raw
from storage.sources import states

PAGE = Path(__file__).parents[2] / "docs" / "digests.md"
POSTS = (
    ("office", "7", "2026-11-28T22:40", "max", "The regional command at Lashio has fallen, the garrison says."),
    ("front", "31", "2026-11-29T01:15", "default", "Convoy of forty trucks has left for the regional command."),
    ("office", "8", "2026-11-29T02:02", "default", "There is no truth in reports about the regional command."),
)
MINUTE = 60_000_000


def at(written: str) -> int:
    return round(datetime.fromisoformat(f"{written}+06:30").timestamp()) * 1_000_000


def settle(writer: Writer, source: int, first: str, last: str, outcome: str = "ok") -> None:
    """Rounds with one outcome, from one time to another."""
    for moment in range(at(first), at(last) + 1, 10 * MINUTE):
        states.settle(
            writer, source, outcome=outcome, detail=None, now=moment, next_poll_at=moment + 10 * MINUTE,
            hold_until=None, failures=0, posts=0,
        )  # fmt: skip


@pytest.fixture
def night(archive: Archive) -> Archive:
    """What two sources said in a night; one was not reached for two hours."""
    with archive.writing() as writer:
        began = at("2026-11-28T08:00")
        states.declare(writer, [states.Declared(name, "replay") for name in ("front", "office")], began)
        writer.execute("UPDATE sources SET first_contact_at = :at", {"at": began})
        ids = {row["name"]: row["id"] for row in writer.rows("SELECT id, name FROM sources")}
        settle(writer, ids["office"], "2026-11-28T08:00", "2026-11-29T08:00")
        settle(writer, ids["front"], "2026-11-28T08:00", "2026-11-29T03:10")
        settle(writer, ids["front"], "2026-11-29T03:20", "2026-11-29T05:10", "unreachable")
        settle(writer, ids["front"], "2026-11-29T05:20", "2026-11-29T08:00")
        for source, number, when, priority, text in POSTS:
            post = FetchedPost(
                native_id=number, raw=Raw(text.encode(), "text/plain"), text=text, posted_at=at(when),
                url=f"https://t.me/{source}/{number}",
            )  # fmt: skip
            saved = saving.save(writer, ids[source], Batch(posts=(post,)), now=at(when), method="t", alerts=True)
            match = MatchRow(
                "command", "v1", saved.new[0], number, "match", at(when), (Hit(0, "body", 0, 1, "x"),), alerting=True,
                why="new match",
            )  # fmt: skip
            matches.save(writer, match, ["desk"], at(when), priority=priority)
        edited = FetchedPost(
            native_id="31", raw=Raw(b"e", "text/plain"), posted_at=at("2026-11-29T01:15"), url="https://t.me/front/31",
            text="Convoy of fourteen trucks has left for the regional command.",
        )  # fmt: skip
        saving.save(writer, ids["front"], Batch(posts=(edited,)), now=at("2026-11-29T02:30"), method="t", alerts=True)
        mutes.add(
            writer,
            Mute(
                "convoys", None, None, None, None, at("2026-11-28T20:00"), at("2026-11-29T07:00"), "an exercise", "Ada"
            ),
        )
    return archive


def said(archive: Archive) -> str:
    with archive.reading() as reader:
        [row] = [
            outbox.to_delivery(row)
            for row in reader.rows("SELECT * FROM deliveries WHERE kind = 'digest' ORDER BY id DESC LIMIT 1")
        ]
        return compose_digest(reader, row, Rendering(ZoneInfo("Asia/Yangon")), Shows("text", units=4096)).plain


def on_page(heading: str) -> str:
    found = re.search(rf"(?ms)^## {heading}$.*?^```text\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))
    assert found is not None
    return found[1].rstrip("\n")


def test_the_digest_of_a_night_is_the_one_on_the_page(night: Archive) -> None:
    with night.writing() as writer:
        held: list[Any] = writer.column("SELECT id FROM deliveries")
        window = at("2026-11-28T22:00"), at("2026-11-29T06:30")
        digests.make(writer, "desk", "quiet", window, held, at("2026-11-29T06:30"))
    assert on_page("What was held") == said(night)


def test_the_digest_of_a_day_is_the_one_on_the_page(night: Archive) -> None:
    with night.writing() as writer:
        make_scheduled(writer, Covered("desk", at("2026-11-28T08:00"), 0), at("2026-11-29T08:00"))
    assert on_page("Every morning") == said(night)

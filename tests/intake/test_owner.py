"""Who a source is, is pinned: what changes is said once, and another owner of the same name is refused."""

import asyncio
from dataclasses import dataclass, field, replace

from bot.archive import AsyncArchive
from bot.clock import DAY, MINUTE, Clock
from bot.contracts.source import SourceSettings, Want
from bot.daemon.own_health import OwnHealth
from bot.daemon.rounds import Rounds
from bot.errors import Later
from bot.intake.poll import Intake
from storage.archive.database import Archive
from storage.records import Batch, Checked, FetchedPost, Raw
from storage.sources import identity, states
from storage.state_names import PREVIEW_DISABLED

POST = FetchedPost("1", Raw(b"1", "text/plain"), "Sailings.")
FERRY = Batch(channel_id="7", handle="ferry", title="Ferry Office", picture="p1")


@dataclass
class Shown:
    """A source that answers with `reply`."""

    reply: Batch | Exception = FERRY
    settings: SourceSettings = field(default_factory=lambda: SourceSettings(name="it", kind="feed"))
    pages = False
    checks = False

    async def fetch(self, want: Want, cursor: str | None) -> Batch:  # noqa: ARG002 - as the contract has it
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    async def check(self, native_id: str) -> Checked:
        raise NotImplementedError


@dataclass
class Line:
    archive: Archive
    shown: Shown = field(default_factory=Shown)
    now: int = 1_763_800_000_000_000

    def see(self, *replies: Batch | Exception) -> list[str]:
        """What people hear while the source answers so, a round for each."""

        async def go() -> list[str]:
            store, clock = AsyncArchive(self.archive), Clock(now=lambda: self.now)
            intake = Intake(store, clock, lambda: None, lambda: 0.0, list)
            rounds = Rounds(store, intake, clock, lambda _: None, {"it": self.shown}, {"it": MINUTE})
            await store.run(states.declare, [states.Declared("it", "feed")], clock.now())
            said: list[str] = []
            health = OwnHealth(store, clock, said.append, lambda: ["phone"], self.archive.path.parent, lambda: 0)
            for reply in replies:
                self.now += DAY
                self.shown.reply = reply
                await rounds.once()
                await health.look()
            await rounds.aclose()
            await store.aclose()
            return said

        return asyncio.run(go())

    def history(self) -> list[str]:
        with self.archive.reading() as reader:
            return [one.what for one in identity.list_changes(reader, "it")]

    def ask(self, statement: str) -> list[object]:
        with self.archive.reading() as reader:
            return reader.column(statement)


def test_what_is_seen_first_is_no_news_and_each_change_is_said_once(archive: Archive) -> None:
    line = Line(archive)
    assert line.see(FERRY, FERRY) == []
    changed = replace(FERRY, handle="ferry_news", title="Ferry\u202e News", picture="p2")
    assert line.see(changed, changed) == [
        "source it is called @ferry_news now, was @ferry: the same id, so it is followed",
        "source it has another title: “Ferry\\u{202e} News”, was “Ferry Office”",
        "source it has another picture",
    ]
    assert line.see(replace(changed, moved_to="https://sea.example/@ferry"), Batch()) == [
        "source it says that it has moved to https://sea.example/@ferry: if that is right: communique sources accept it"
    ]
    assert line.history() == ["id", "handle", "title", "picture", "moved_to"]
    sent = line.ask("SELECT count(*) FROM deliveries WHERE kind = 'health' AND target = 'phone'")
    assert sent == [4], "one message for each"


def test_another_owner_of_the_same_name_is_refused_and_brings_nothing(archive: Archive) -> None:
    line = Line(archive)
    line.see(FERRY)
    line.see(replace(FERRY, channel_id="8", posts=(POST,)))
    assert line.ask("SELECT count(*) FROM posts") == [0]
    [said] = line.ask("SELECT state || ': ' || reason FROM sources")
    assert str(said).startswith("renamed: what it reads now belongs to 8 (was 7): check who owns it now; to follow")
    line.see(replace(FERRY, posts=(POST,)))
    assert line.ask("SELECT count(*) FROM posts") == [1]
    assert line.history() == ["id", "owner", "owner"]


def test_who_lets_a_source_read_something_else_has_decided(archive: Archive) -> None:
    line = Line(archive)
    line.see(FERRY)
    with archive.writing() as writer:
        identity.forget(writer, "it")
    assert line.see(replace(FERRY, channel_id="8", title="Another", posts=(POST,))) == []
    assert line.ask("SELECT channel_id FROM sources") == ["8"]
    assert line.history() == ["id", "id"]


def test_closed_pages_are_in_the_history(archive: Archive) -> None:
    line = Line(archive)
    line.see(FERRY, Later("no preview", state=PREVIEW_DISABLED), FERRY)
    assert line.history() == ["id", "preview", "preview"]


def test_a_title_that_changes_with_every_visit_is_soon_no_news(archive: Archive) -> None:
    line = Line(archive)
    said = []
    for n in range(8):
        line.now -= DAY - MINUTE
        said += line.see(replace(FERRY, title=f"{n} new statements"))
    assert (len(said), line.history().count("title")) == (3, 7)

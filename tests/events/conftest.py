"""A desk that gets posts one by one: several sources, two targets, and what each of them is owed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.alerts.outbox import Outbox
from bot.alerts.render import Rendering
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import Clock
from bot.config.model import Config, EventsConfig, RuleConfig, TermConfig
from bot.config.pairs import PairConfig
from bot.contracts.target import TargetSettings
from bot.events.placing import place_arrived
from storage import jobs
from storage.archive.database import Archive
from storage.events import members
from storage.events.steps import add_step
from storage.jobs import NewJob
from storage.language.query import parse
from storage.media import rows as media_rows
from storage.media.shelf import Kept
from storage.posts import saving, texts
from storage.records import Batch, FetchedPost, Raw
from storage.search.search import search
from storage.sources import states

NOW = 1_763_800_000_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE
CLAIM = (
    "Statement 14: the regional command at Taungkyar is in our hands since 06:20 this morning, and forty of its soldiers"
    " have laid down their weapons before our men."
)


@dataclass
class Desk:
    """Some sources, their sides, one rule and two targets, of which the second does not fold copies."""

    archive: Archive
    directory: Path
    now: int = NOW
    sides: dict[str, str | None] = field(default_factory=dict)
    rules: LoadedRules = field(init=False)

    def __post_init__(self) -> None:
        self.load()

    def load(
        self,
        *rules: RuleConfig,
        events: EventsConfig | None = None,
        terms: Sequence[TermConfig] = (),
        pairs: Sequence[PairConfig] = (),
    ) -> None:
        targets = (
            TargetSettings(name="desk", kind="console"),
            TargetSettings(name="hook", kind="webhook", fold=False),
        )
        found = rules or (RuleConfig(name="fall", query="command", targets=("desk", "hook")),)
        self.rules = LoadedRules.of(
            Config(
                path=None,
                directory=self.directory,
                data_dir=self.directory,
                rules=found,
                targets=targets,
                events=events or EventsConfig(),
                terms=tuple(terms),
                pairs=tuple(pairs),
            )
        )
        with self.archive.writing() as writer:
            self.rules.declare(writer, self.now)

    def say(self, source: str, text: str, number: int = 1, *, late: int = 0, **more: Any) -> int:
        """One post, or its next revision, decided at once; its id. It is collected `late` microseconds after it was said."""
        post = FetchedPost(
            native_id=str(number),
            raw=Raw(f"{number} {text}".encode(), "text/plain"),
            text=text,
            posted_at=self.now - late,
            **more,
        )
        with self.archive.writing() as writer:
            declared = [
                states.Declared(name, "replay", (), side) for name, side in ({source: None} | self.sides).items()
            ]
            states.declare(writer, declared, self.now)
            row = states.find_source(writer, source)
            assert row is not None
            saved = saving.save(writer, row.id, Batch(posts=(post,)), now=self.now, method="test", alerts=True)
            writer.execute("UPDATE sources SET first_contact_seq = 0 WHERE first_contact_seq IS NULL")
        self.decide()
        self.now += MINUTE
        return (*saved.new, *saved.revised)[0]

    def attach(self, post: int, content: str, *, picture: str | None = None, unread: bool = False) -> int:
        """The bytes of the post's one file have come; its row. `picture` is what it looks like."""
        digest = f"{content:0>64}"
        with self.archive.writing() as writer:
            media: int = writer.value(f"SELECT id FROM media WHERE post_id = {post} AND state <> 'stored'")
            kept = Kept(digest, 9, f"media/{digest}", "image/jpeg")
            media_rows.mark_stored(writer, media, kept, self.now, picture=picture)
            add_step(writer, "file", post, self.now, media_id=media, unread=unread)
        self.decide()
        return media

    def read(self, post: int, media: int, words: str, *, unreliable: bool = False) -> None:
        """An engine has read the file."""
        made = texts.MachineText("ocr", words, None, 0.9, "tesseract", "5", unreliable)
        with self.archive.writing() as writer:
            text = texts.save_machine_text(writer, media, made, post_id=post)
            add_step(writer, "read", post, self.now, media_id=media, text_id=text)
            jobs.enqueue(writer, [NewJob("decide", post, self.now)] if text is not None else [])
        self.decide()

    def decide(self) -> None:
        """Place and decide what is new."""
        with self.archive.writing() as writer:
            decide.decide(writer, self.rules, self.now)

    def correct(self, kind: Any, post: int, other: int | None = None) -> None:
        """A person says `split` or `join`."""
        with self.archive.writing() as writer:
            members.correct(writer, kind, post, other, None, self.now)
        self.decide()

    def rebuild(self) -> None:
        """Find the events of the whole archive again."""
        assert self.rules.events is not None
        with self.archive.writing() as writer:
            members.forget_events(writer)
            place_arrived(writer, self.rules.events)

    def drain(self, *targets: Any) -> None:
        """One pass that sends what is due now."""

        async def live() -> None:
            store, clock = AsyncArchive(self.archive), Clock(now=lambda: self.now)
            outbox = Outbox(
                store,
                {one.settings.name: one for one in targets},
                Rendering(ZoneInfo("UTC")),
                clock,
                Claims(clock),
                lambda _: None,
                jitter=lambda: 0.0,
            )
            await outbox.drain(self.now)
            await outbox.aclose()
            await store.aclose()

        asyncio.run(live())

    def search(self, query: str) -> list[int]:
        with self.archive.reading() as reader:
            return [found.post_id for found in search(reader, parse(query), limit=None)]

    def states(self, target: str = "desk") -> list[str]:
        with self.archive.reading() as reader:
            return [
                str(row[0])
                for row in reader.rows(f"SELECT state FROM deliveries WHERE target = '{target}' ORDER BY id")
            ]

    def events(self) -> list[set[int]]:
        with self.archive.reading() as reader:
            found: dict[int, set[int]] = {}
            for row in reader.rows("SELECT post_id, event_id FROM event_posts"):
                found.setdefault(row["event_id"], set()).add(row["post_id"])
        assert all(event in posts for event, posts in found.items())
        return sorted(found.values(), key=min)

    def sets(self) -> set[frozenset[int]]:
        """The posts of each event, in no order."""
        return {frozenset(posts) for posts in self.events()}


@pytest.fixture
def desk(archive: Archive, tmp_path: Path) -> Desk:
    return Desk(archive, tmp_path)

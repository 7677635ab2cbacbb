"""Random worlds of forwards, copies, quotes, edits, files and corrections: whoever finds the events finds the same."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.events.finding import EventRules
from bot.events.placing import place_arrived
from storage.archive.database import Archive, Writer
from storage.events import members
from storage.events.steps import add_step
from storage.media import rows as media_rows
from storage.media.shelf import Kept
from storage.posts import saving, texts
from storage.records import Batch, FetchedMedia, FetchedPost, Forward, Raw
from storage.sources import states
from tests.events.conftest import CLAIM, HOUR, MINUTE, NOW

SOURCES = ("rangers", "north", "south", "west")
OTHER = (
    "Calm prevails in every district of the hills, and no soldier of the command has left his post, our office says,"
    " nor will any of them do so."
)
DENIAL = " This is false, our troops hold the base and nobody has laid down anything there or will do so."
SAID = (
    *(CLAIM, CLAIM.replace("14", "15"), CLAIM.replace("forty", "fifty"), f"{CLAIM}\n\nfollow @hill_desk"),
    *(f"They wrote: {CLAIM}{DENIAL}", CLAIM[: len(CLAIM) // 2 + 20], OTHER, f"Via us:\n{OTHER}", f"{OTHER}{DENIAL}"),
    *("", "three dead", "five dead", "seen today"),
)
FEW = ("", "three dead", "five dead", "seen today", "look")
LOOKS = tuple(f"{kind} {digits * 352}" for kind in ("photo", "words") for digits in ("5a", "c3"))
MANY = 8 if (settings.default or settings()).max_examples <= 100 else 1_000
Act = tuple[Any, ...]
_Post = tuple[str, int]


@dataclass
class Told:
    """One archive, and where each post of the world is in it."""

    archive: Archive
    now: int = NOW

    def do(self, act: Act) -> None:
        """One thing happens; nothing is placed by it."""
        with self.archive.writing() as writer:
            what, *values = act
            getattr(self, f"_{what}")(writer, *values)
        self.now += MINUTE

    def place(self) -> None:
        with self.archive.writing() as writer:
            place_arrived(writer, EventRules())

    def rebuild(self) -> None:
        with self.archive.writing() as writer:
            members.forget_events(writer)
        self.place()

    def sets(self) -> set[frozenset[_Post]]:
        with self.archive.reading() as reader:
            rows = reader.rows(
                "SELECT b.event_id, s.name, CAST(p.native_id AS INTEGER) FROM event_posts b JOIN posts p"
                " ON p.id = b.post_id JOIN sources s ON s.id = p.source_id"
            )
            first = reader.column(
                "SELECT 1 FROM event_posts b WHERE NOT EXISTS"
                " (SELECT 1 FROM event_posts f WHERE f.post_id = b.event_id AND f.event_id = b.event_id)"
            )
        assert first == [], "the id of an event is that of one of its posts"
        found: dict[int, set[_Post]] = {}
        for event, name, number in rows:
            found.setdefault(event, set()).add((name, number))
        return {frozenset(posts) for posts in found.values()}

    def _post(self, writer: Writer, post: _Post, text: str, forward: _Post | None, late: int, files: int) -> None:
        name, number = post
        media = tuple(FetchedMedia("photo", f"p{key}", url=f"https://cdn.example/{key}") for key in range(files))
        origin = None if forward is None else Forward(forward[0], None, forward[0], str(forward[1]))
        raw = Raw(f"{post} {text}".encode(), "text/plain")
        fetched = FetchedPost(str(number), raw, text, posted_at=self.now - late * MINUTE, media=media, forward=origin)
        row = states.find_source(writer, name)
        assert row is not None
        saving.save(writer, row.id, Batch(posts=(fetched,)), now=self.now, method="test", alerts=True)

    def _wait(self, writer: Writer, hours: int) -> None:
        del writer
        self.now += hours * HOUR

    def _file(self, writer: Writer, post: _Post, content: str, picture: str | None, words: str | None) -> None:
        """The next file of a post arrives, and `words` are read in it unless they are None."""
        post_id = self._id(writer, post)
        media = writer.value(f"SELECT min(id) FROM media WHERE post_id = {post_id} AND state <> 'stored'")
        if media is None:
            return
        kept = Kept(f"{content:0>64}", 9, f"media/{content}", "image/jpeg")
        media_rows.mark_stored(writer, media, kept, self.now, picture=picture)
        add_step(writer, "file", post_id, self.now, media_id=media, unread=words is not None)
        if words is not None:
            made = texts.MachineText("ocr", words, None, 0.9, "tesseract", "5", unreliable=words == SAID[2])
            text = texts.save_machine_text(writer, media, made, post_id=post_id)
            add_step(writer, "read", post_id, self.now, media_id=media, text_id=text)

    def _split(self, writer: Writer, post: _Post) -> None:
        members.correct(writer, "split", self._id(writer, post), None, None, self.now)

    def _join(self, writer: Writer, one: _Post, other: _Post) -> None:
        members.correct(writer, "join", self._id(writer, one), self._id(writer, other), None, self.now)

    def _id(self, writer: Writer, post: _Post) -> int:
        found: int = writer.value(
            "SELECT p.id FROM posts p JOIN sources s ON s.id = p.source_id WHERE s.name = :name AND p.native_id = :id",
            {"name": post[0], "id": str(post[1])},
        )
        return found


@st.composite
def histories(draw: st.DrawFn) -> list[Act]:
    """What happens in a world, in the order in which it is collected."""
    acts: list[Act] = []
    posts: list[_Post] = []
    for number in range(1, draw(st.integers(3, 14)) + 1):
        what = draw(st.sampled_from(("post", "post", "post", "post", "edit", "file", "wait", "split", "join")))
        if what == "post" or len(posts) < 2:
            post = draw(st.sampled_from(SOURCES)), number
            forward = draw(st.none() | st.tuples(st.sampled_from(SOURCES), st.integers(1, 14)))
            late = draw(st.sampled_from((0, 0, 0, 200)))  # from a stretch in which its source was blind
            acts.append(("post", post, draw(st.sampled_from(SAID)), forward, late, draw(st.integers(0, 2))))
            posts.append(post)
            continue
        post = draw(st.sampled_from(posts))
        if what == "edit":
            acts.append(("post", post, draw(st.sampled_from(SAID)), None, 0, 0))
        elif what == "file":
            read = draw(st.none() | st.sampled_from(SAID))
            acts.append(("file", post, draw(st.sampled_from("abc")), draw(st.none() | st.sampled_from(LOOKS)), read))
        elif what == "wait":
            acts.append(("wait", draw(st.integers(1, 30))))
        elif what == "split":
            acts.append(("split", post))
        else:
            acts.append(("join", post, draw(st.sampled_from(posts))))
    return acts


@st.composite
def linked(draw: st.DrawFn) -> tuple[list[Act], list[Act]]:
    """Posts with few words, forwards and files, in two orders in which they could have come."""
    posts = [(draw(st.sampled_from(SOURCES)), number) for number in range(1, draw(st.integers(2, 9)) + 1)]
    acts: list[list[Act]] = []
    for place, post in enumerate(posts):
        forward = draw(st.none() | st.tuples(st.sampled_from(SOURCES), st.integers(1, 9)))
        words = draw(st.sampled_from(FEW))
        text = f"{words} {place}x" if words and draw(st.booleans()) else words and f"{words} {chr(97 + place)}"
        files: list[Act] = [
            ("file", post, draw(st.sampled_from("ab")), None, None) for _ in range(draw(st.integers(0, 2)))
        ]
        acts.append([("post", post, text, forward, 0, len(files)), *files])
    return _mix(acts, draw(st.randoms(use_true_random=False))), _mix(acts, draw(st.randoms(use_true_random=False)))


def _mix(acts: Sequence[Sequence[Act]], chance: random.Random) -> list[Act]:
    """Each post before its own files, and apart from that in any order."""
    left = [list(one) for one in acts]
    mixed = []
    while left := [one for one in left if one]:
        mixed.append(chance.choice(left).pop(0))
    return mixed


@pytest.fixture
def desks(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Callable[[], Told]:
    """Make as many archives as the test has examples."""

    def make() -> Told:
        path = tmp_path_factory.mktemp("told") / "communique.db"
        copyfile(migrated_file, path)
        path.chmod(0o600)
        made = Archive(path)
        with made.writing() as writer:
            states.declare(writer, [states.Declared(name, "replay") for name in SOURCES], NOW)
        return Told(made)

    return make


FEW_EXAMPLES = settings(max_examples=MANY, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW_EXAMPLES
@given(acts=histories(), moments=st.sets(st.integers(0, 14)))
def test_a_live_run_one_with_restarts_and_a_rebuild_find_the_same_events(
    desks: Callable[[], Told], acts: list[Act], moments: set[int]
) -> None:
    live, late = desks(), desks()
    for number, act in enumerate(acts):
        live.do(act)
        live.place()
        late.do(act)
        if number in moments:
            late.place()
    late.place()
    found = live.sets()
    assert late.sets() == found
    live.rebuild()
    assert live.sets() == found
    live.archive.close()
    late.archive.close()


@FEW_EXAMPLES
@given(orders=linked())
def test_what_forwards_and_files_join_does_not_depend_on_the_order_of_arrival(
    desks: Callable[[], Told], orders: tuple[list[Act], list[Act]]
) -> None:
    found = []
    for acts in orders:
        told = desks()
        for act in acts:
            told.do(act)
            told.place()
        found.append(told.sets())
        told.archive.close()
    assert found[0] == found[1]

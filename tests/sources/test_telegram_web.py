import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from bot.clock import HOUR, SECOND, Clock
from bot.contracts.source import Source, SourceTools, Want
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from bot.sources import build
from bot.sources.telegram_web.settings import Settings
from bot.world import Faults, World, run_in_thread
from storage.records import Batch, Seen

T = TypeVar("T")
NEWEST = Want()


def settings(base_url: str = "https://t.me", channel: str = "desk") -> Settings:
    return Settings(name="desk", kind="telegram_web", channel=channel, base_url=base_url)


@dataclass(frozen=True, slots=True)
class Ask:
    """Puts questions to a source over real sockets; each call is a new client, as after a restart."""

    site: str
    clock: Clock

    def __call__(self, question: Callable[[Source], Awaitable[T]], channel: str = "desk") -> T:
        return asyncio.run(self._ask(question, channel))

    async def _ask(self, question: Callable[[Source], Awaitable[T]], channel: str) -> T:
        parts = urlsplit(self.site)
        assert parts.hostname
        assert parts.port
        private = frozenset({(parts.hostname, parts.port)})
        http = Http(HttpRules("test", private=private, intervals={parts.hostname: 0}), self.clock)
        try:
            tools = SourceTools(http, self.clock, Path())
            return await question(build(settings(self.site, channel), tools))
        finally:
            await http.aclose()

    def fetch(self, want: Want = NEWEST, cursor: str | None = None) -> Batch:
        return self(lambda source: source.fetch(want, cursor))


@pytest.fixture
def world() -> World:
    world = World()
    world.open_channel("desk", "The Desk")
    return world


@pytest.fixture
def site(world: World) -> Iterator[str]:
    with run_in_thread(world) as address:
        yield address


def test_a_page_that_says_the_same_is_answered_without_its_posts(world: World, ask: Ask) -> None:
    number = world.publish("desk", "The garrison holds.")

    async def visit(source: Source) -> None:
        first = await source.fetch(NEWEST, None)
        known = Want(known=first.mark)
        assert known.known is not None
        again = await source.fetch(known, first.cursor)
        assert (again.repeats, again.posts, again.mark) == (True, (), first.mark)
        told = dataclasses.replace(again, posts=first.posts, repeats=False, fetch=first.fetch)
        assert told == first
        assert len((await source.fetch(NEWEST, first.cursor)).posts) == len(first.posts)  # for who does not have them
        world.edit("desk", number, "The garrison has left.")
        edited = await source.fetch(known, first.cursor)
        assert not edited.repeats
        assert [post.text for post in edited.posts[-1:]] == ["The garrison has left."]

    ask(visit)


def test_a_name_that_belongs_to_another_channel_is_seen_on_a_page_that_says_the_same(world: World, ask: Ask) -> None:
    world.publish("desk", "The garrison holds.")

    async def visit(source: Source) -> None:
        first = await source.fetch(NEWEST, None)
        with pytest.raises(Never, match="now belongs to"):
            await source.fetch(Want(known=first.mark), json.dumps({"channel": "5", "newest": 1}))

    ask(visit)


@pytest.fixture
def ask(site: str) -> Ask:
    return Ask(site, Clock())


def fill(world: World, count: int, handle: str = "desk") -> None:
    for number in range(count):
        world.publish(handle, f"Post number {number}")


@pytest.mark.parametrize(
    "written",
    [
        "Shan_desk",
        "@Shan_desk",
        "https://t.me/Shan_desk",
        "https://t.me/s/Shan_desk/",
        "t.me/Shan_desk?before=3",
        " Shan_desk ",
    ],
)
def test_a_channel_is_found_in_every_way_that_people_write_it(written: str) -> None:
    read = settings(channel=written)
    assert read.channel == "Shan_desk"
    assert read.addresses() == ("https://t.me/s/Shan_desk",)


@pytest.mark.parametrize(
    "written",
    ["", "abc", "1desk", "two words", "https://evil.example/desk", "../etc", "d" * 33],
)
def test_what_cannot_be_a_public_channel_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValidationError, match="expected a public channel's name such as"):
        settings(channel=written)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("https://t.me/+AbCdEfGhIjKlMnOp", "an invitation leads to a private channel"),
        ("t.me/+AbC", "an invitation leads to a private channel"),
        ("https://telegram.me/joinchat/AAAAAEabcdefgh", "an invitation leads to a private channel"),
        ("tg://join?invite=AbCdEfGhIjKlMnOp", "an invitation leads to a private channel"),
        ("https://t.me/c/1234567/5", "only an account can find a channel by its number"),
        ("-1001234567890", "only an account can find a channel by its number"),
    ],
)
def test_what_only_an_account_can_read_is_said_to_need_one_and_is_not_repeated(written: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as refused:
        settings(channel=written)
    [problem] = refused.value.errors()
    assert 'kind = "telegram"' in problem["msg"]
    assert written not in problem["msg"]


def test_the_newest_page_is_one_batch(world: World, ask: Ask) -> None:
    fill(world, 30)
    batch = ask.fetch()
    assert [post.number for post in batch.posts] == list(range(12, 32))
    assert (batch.seen, batch.end, batch.more) == (Seen(12, 31), False, False)
    assert (batch.channel_id, batch.handle, batch.title) == ("1700000001", "desk", "The Desk")
    assert json.loads(batch.cursor or "") == {"channel": "1700000001", "newest": 31}
    assert batch.posts[0].url == f"{ask.site}/desk/12"


def test_older_pages_account_for_every_number_down_to_the_beginning(world: World, ask: Ask) -> None:
    fill(world, 50)
    for number in (20, 21, 22):
        world.delete("desk", number)
    cursor, below, ranges = ask.fetch().cursor, 32, []
    while True:
        batch = ask.fetch(Want("older", below), cursor)
        assert batch.seen is not None
        ranges.append((batch.seen.low, batch.seen.high))
        assert batch.cursor == cursor
        below = batch.seen.low
        if batch.end:
            break
    assert ranges == [(9, 31), (1, 8)]


def test_a_history_whose_first_posts_are_deleted_has_an_end_too(world: World, ask: Ask) -> None:
    fill(world, 60)
    for number in range(1, 41):
        world.delete("desk", number)
    cursor = ask.fetch().cursor
    batch = ask.fetch(Want("older", 42), cursor)
    assert (batch.seen, batch.end) == (Seen(41, 41), False)
    batch = ask.fetch(Want("older", 41), cursor)
    assert (batch.posts, batch.seen, batch.end) == ((), Seen(1, 40), True)


@pytest.mark.parametrize("want", [NEWEST, Want("older", 12)])
def test_a_throttled_page_is_neither_empty_nor_an_end(world: World, ask: Ask, want: Want) -> None:
    fill(world, 30)
    cursor = ask.fetch().cursor
    world.set_faults("desk", Faults(throttled=2))
    with pytest.raises(Later) as told:
        ask.fetch(want, cursor)
    assert told.value.state == "throttled"
    world.set_faults("desk", Faults())
    assert len(ask.fetch(want, cursor).posts) > 0


def test_a_throttled_first_contact_is_not_taken_for_a_new_channel_when_a_second_page_differs(
    world: World, ask: Ask
) -> None:
    fill(world, 30)
    world.set_faults("desk", Faults(throttled=1))
    with pytest.raises(Later) as told:
        ask.fetch()
    assert told.value.state == "throttled"


def test_a_channel_that_never_had_a_post_is_empty_and_then_is_not(world: World, ask: Ask) -> None:
    world.delete("desk", 1)
    empty = ask.fetch()
    assert (empty.posts, empty.seen, empty.end, empty.handle) == ((), None, True, "desk")
    fill(world, 1)
    assert [post.native_id for post in ask.fetch(NEWEST, empty.cursor).posts] == ["2"]


def test_a_channel_without_a_preview_is_a_state_and_is_asked_again_in_some_hours(world: World, ask: Ask) -> None:
    now = 1_790_000_000 * SECOND
    world.set_faults("desk", Faults(preview_off=True))
    with pytest.raises(Later) as told:
        Ask(ask.site, Clock(now=lambda: now)).fetch()
    assert (told.value.state, told.value.retry_at) == ("preview disabled", now + 6 * HOUR)


@pytest.mark.parametrize(
    ("page", "state"),
    [
        ('<div class="tgme_page"><div class="tgme_page_extra">1 204 members</div></div>', "a group"),
        (
            '<div class="tgme_page_description">This channel can’t be displayed because it violated local laws.</div>',
            "blocked by law",
        ),
    ],
)
def test_why_a_channel_is_closed_is_a_state_and_it_is_read_when_it_opens(
    world: World, ask: Ask, page: str, state: str
) -> None:
    fill(world, 2)
    now = 1_790_000_000 * SECOND
    cursor = ask.fetch().cursor
    world.set_faults("desk", Faults(closed=page))
    with pytest.raises(Later) as told:
        Ask(ask.site, Clock(now=lambda: now)).fetch(NEWEST, cursor)
    assert (told.value.state, told.value.retry_at) == (state, now + 6 * HOUR)
    assert "/desk is " in str(told.value)
    world.set_faults("desk", Faults())
    assert ask.fetch(NEWEST, cursor).posts


def test_a_server_that_obeys_a_law_says_so(world: World, ask: Ask) -> None:
    world.set_faults("desk", Faults(status=451))
    with pytest.raises(Later) as told:
        ask.fetch()
    assert told.value.state == "blocked by law"


def test_a_handle_with_another_owner_stops_the_source_and_says_what_to_do(world: World, ask: Ask) -> None:
    fill(world, 3)
    cursor = ask.fetch().cursor
    world.set_faults("desk", Faults(moved_to=4242))
    with pytest.raises(Never) as told:
        ask.fetch(NEWEST, cursor)
    assert told.value.state == "renamed"
    assert "belongs to channel 4242 (was 1700000001)" in str(told.value)
    assert told.value.remedy


def test_a_busy_server_sets_the_time_of_the_next_visit(world: World, ask: Ask) -> None:
    now = 1_790_000_000 * SECOND
    world.set_faults("desk", Faults(status=429, retry_after=90))
    with pytest.raises(Later) as told:
        Ask(ask.site, Clock(now=lambda: now)).fetch()
    assert (told.value.retry_at, told.value.obey) == (now + 90 * SECOND, True)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_says_nothing_about_the_channel(world: World, ask: Ask, status: int) -> None:
    world.set_faults("desk", Faults(status=status))
    with pytest.raises(Later, match=str(status)):
        ask.fetch()


def test_an_edit_is_on_the_next_page_with_its_label(world: World, ask: Ask) -> None:
    fill(world, 3)
    before = ask.fetch()
    world.edit("desk", 3, "Softer words")
    after = ask.fetch(NEWEST, before.cursor)
    assert [(post.text, post.edited) for post in after.posts[2:3]] == [("Softer words", True)]
    assert (after.posts[3].text, after.posts[3].edited) == (before.posts[3].text, False)


def test_a_living_post_is_found_with_its_present_words(world: World, ask: Ask) -> None:
    fill(world, 3)
    world.edit("desk", 2, "Other words")
    checked = ask(lambda source: source.check("2"))
    assert (checked.presence, checked.control) == ("present", True)
    assert checked.post is not None
    assert checked.post.text == "Other words"


def test_a_deletion_is_told_with_a_living_control(world: World, ask: Ask) -> None:
    fill(world, 3)
    cursor = ask.fetch().cursor
    world.delete("desk", 2)

    async def fetch_and_check(source: Source) -> tuple[str, bool]:
        await source.fetch(NEWEST, cursor)
        checked = await source.check("2")
        return checked.presence, checked.control

    assert ask(fetch_and_check) == ("absent", True)


def test_without_a_living_control_an_absence_proves_nothing(world: World, ask: Ask) -> None:
    fill(world, 1)
    cursor = ask.fetch().cursor

    async def check_an_emptied_channel(source: Source) -> tuple[str, bool]:
        await source.fetch(NEWEST, cursor)
        world.delete("desk", 2)
        checked = await source.check("2")
        return checked.presence, checked.control

    assert ask(check_an_emptied_channel) == ("absent", False)
    assert ask(lambda source: source.check("2")).control is False  # a new process has seen no post alive


def test_a_check_meets_the_faults_of_the_server_as_later(world: World, ask: Ask) -> None:
    fill(world, 1)
    world.set_faults("desk", Faults(status=503))
    with pytest.raises(Later):
        ask(lambda source: source.check("2"))
    with pytest.raises(Later, match="is no channel"):
        ask(lambda source: source.check("2"), channel="elsewhere")


def test_a_check_of_a_service_message_does_not_take_its_words_away(world: World, ask: Ask) -> None:
    checked = ask(lambda source: source.check("1"))
    assert (checked.presence, checked.post) == ("present", None)


def test_the_new_owner_of_a_handle_cannot_vouch_for_a_deletion(world: World, ask: Ask) -> None:
    fill(world, 3)
    cursor = ask.fetch().cursor

    async def check_after_the_move(source: Source) -> None:
        await source.fetch(NEWEST, cursor)
        world.delete("desk", 2)
        world.set_faults("desk", Faults(moved_to=4242))
        await source.check("2")

    with pytest.raises(Never, match="belongs to channel 4242"):
        ask(check_after_the_move)


def test_a_page_that_is_no_preview_is_a_failure_and_not_silence() -> None:
    async def block_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<html><title>Just a moment...</title><form id=challenge></form></html>"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def visit() -> None:
        async with await asyncio.start_server(block_page, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await Ask(f"http://127.0.0.1:{port}", Clock())._ask(lambda source: source.fetch(NEWEST, None), "desk")

    with pytest.raises(Later, match="shows no words of its own: challenge page"):
        asyncio.run(visit())


def test_an_older_page_of_another_owner_is_refused_though_it_is_asked_for_without_a_cursor(
    world: World, ask: Ask
) -> None:
    fill(world, 30)

    async def page_after_the_move(source: Source) -> None:
        await source.fetch(NEWEST, None)
        world.set_faults("desk", Faults(moved_to=4242))
        await source.fetch(Want("older", 12), None)

    with pytest.raises(Never, match="belongs to channel 4242"):
        ask(page_after_the_move)


@pytest.mark.parametrize("cursor", ["", "null", "[]", "{", '{"newest": "many"}', '{"channel": null}', "7"])
def test_a_cursor_that_is_not_ours_means_a_first_visit(world: World, ask: Ask, cursor: str) -> None:
    fill(world, 2)
    assert len(ask.fetch(NEWEST, cursor).posts) == 3

"""A server that knows less than Telegram, or knows it otherwise: each lack costs one thing at most, never the archive."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SECOND, Clock
from bot.errors import Later
from bot.intake.media import Carrier
from bot.telegram.channel_names import read_channel_name
from bot.telegram.client import call_within
from bot.telegram.waiting import Patience
from storage.sources import telegram as account_rows
from tests.desk import Desk
from tests.telegram.in_process import PHONE, QUICK, Rig, running, sign_in, until
from tests.telegram_world import Fault, File, Served, World, run_in_thread
from tests.telegram_world.channels import FileKind

ONE = {"post": {"channel": "@border_post", "backfill": "all"}}
LACKS = {  # how a server says that it does not know a method, and how it may go wrong without saying so
    "not implemented": {"error": (500, "NOT_IMPLEMENTED")},
    "method invalid": {"error": (400, "METHOD_INVALID")},
    "input invalid": {"error": (400, "INPUT_METHOD_INVALID_1234567_0")},
    "not found": {"error": (404, "NOT_FOUND")},
    "501": {"error": (501, "UNKNOWN_METHOD")},
    "internal": {"error": (500, "INTERNAL")},
    "silence": {"swallow": True},
    "an older layer": {"unknown": True},
}
OPTIONAL = (
    "help.getConfig",
    "updates.getState",
    "users.getUsers",
    "channels.getMessages",
    "updates.getChannelDifference",
    "messages.getDialogs",
    "auth.exportAuthorization",
)
PIECE = 512 << 10
GUEST = "+95 9 000 000 007"
OTHERWISE = {"plain_pages": True, "hash_of_session": True, "strict_phone": True, "omits_missing": True}
# Telethon itself waits two seconds after an answer of 5xx before it hands it over
SLOWER = Patience(
    connect=6, call=3, probe=2.5, probe_every=3, misses=2, readiness=8, back_off=(0.02, 0.2), look=0.05, lane=4
)


def lack(world: World, method: str, how: str) -> None:
    world.faults.suffer(Fault(method, times=None, **LACKS[how]))  # type: ignore[arg-type]  # each has one of its fields


def numbers(rig: Rig) -> set[int]:
    return {row[0] for row in rig.ask("SELECT number FROM posts")}


def words(rig: Rig, number: int) -> list[str]:
    asked = (
        "SELECT r.text FROM revisions_readable r JOIN posts p ON p.id = r.post_id WHERE p.number = :n ORDER BY r.number"
    )
    return [row[0] for row in rig.ask(asked, n=number)]


async def follows(rig: Rig, world: World) -> None:
    """History, a new post, an edit and a deletion reach the archive although nothing is pushed."""
    world.faults.swallow_pushes = True
    assert (await rig.round()).error is None
    assert numbers(rig) == world.visible("border_post")
    first = min(numbers(rig) - {1})
    for count in range(130):
        world.publish("border_post", f"Later {count}")
    last = world.publish("border_post", "The last one.")
    world.edit("border_post", last - 1, "Corrected.")
    assert (await rig.round()).error is None
    assert numbers(rig) == world.visible("border_post")
    assert rig.open_gaps() == []
    world.edit("border_post", last, "The last one, corrected.")
    world.delete("border_post", last - 5)
    found = await rig.round()
    assert (found.error, found.revised) == (None, 1)
    assert words(rig, last) == ["The last one.", "The last one, corrected."]
    assert await rig.checked() == 1
    rig.rechecks.clock = Clock(now=lambda: Clock().now() + 10 * SECOND)
    await rig.checked(11 * SECOND)
    assert rig.ask("SELECT number FROM posts WHERE deleted_at IS NOT NULL") == [(last - 5,)]
    assert words(rig, first) == ["Earlier 0"]


@pytest.fixture
def storied(telegram: World) -> World:
    for count in range(230):
        telegram.publish("border_post", f"Earlier {count}")
    return telegram


@pytest.mark.parametrize("method", [OPTIONAL[0], *(pytest.param(one, marks=pytest.mark.long) for one in OPTIONAL[1:])])
def test_without_a_method_that_can_be_spared_everything_is_archived(
    storied: World, at: Served, data_dir: Path, method: str
) -> None:
    lack(storied, method, "not implemented")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False, patience=SLOWER) as rig:
            await follows(rig, storied)
            assert rig.account.status.state == "connected"

    asyncio.run(go())


@pytest.mark.parametrize(
    "how",
    [
        how if how == "internal" else pytest.param(how, marks=pytest.mark.long)
        for how in LACKS
        if how != "not implemented"
    ],
)
def test_however_a_server_lacks_what_can_be_spared(storied: World, at: Served, data_dir: Path, how: str) -> None:
    for method in ("help.getConfig", "updates.getState", "channels.getMessages"):
        lack(storied, method, how)

    async def go() -> None:
        patience = SLOWER if how == "internal" else QUICK
        async with running(data_dir, at, ONE, live=False, patience=patience) as rig:
            await follows(rig, storied)
            assert rig.account.status.state == "connected"

    asyncio.run(go())


@pytest.mark.parametrize(
    ("method", "entry"),
    [
        ("messages.getHistory", ONE["post"]),
        ("contacts.resolveUsername", ONE["post"]),
        ("messages.getDialogs", {"channel": "1500000001"}),
        ("messages.checkChatInvite", {"channel": "https://t.me/+AbCdEfGhIjKlMnOp"}),
    ],
)
def test_what_cannot_be_spared_is_named(
    telegram: World, at: Served, data_dir: Path, method: str, entry: dict[str, object]
) -> None:
    lack(telegram, method, "method invalid")

    async def go() -> None:
        async with running(data_dir, at, {"post": entry}, live=False) as rig:
            found = await rig.round()
            assert isinstance(found.error, Later)
            assert str(found.error) == f"the server does not offer {method} (METHOD_INVALID)"
            assert rig.row().state == "not supported"

    asyncio.run(go())


def test_without_a_short_poll_the_channel_is_asked_by_its_interval(telegram: World, at: Served, data_dir: Path) -> None:
    telegram.open_channel("not_joined", "Not joined")
    lack(telegram, "updates.getChannelDifference", "method invalid")
    entries = {"post": {"channel": "@not_joined", "mode": "short", "backfill": "all"}}

    async def go() -> None:
        async with running(data_dir, at, entries) as rig:
            await until(lambda: any("there is no short poll" in said for said in rig.spoken), "the sentence")
            await until(lambda: rig.ask("SELECT mode FROM telegram_watches") == [("history poll",)], "the mode")
            number = telegram.publish("not_joined", "Found by asking.")
            await rig.round()
            assert number in numbers(rig)
            assert telegram.journal.count("updates.getChannelDifference") == 1

    asyncio.run(go())


def test_a_short_poll_begins_where_no_page_tells_how_far_the_channel_is(
    telegram: World, at: Served, data_dir: Path
) -> None:
    telegram.manners.plain_pages = True
    telegram.open_channel("not_joined", "Not joined")
    entries = {"post": {"channel": "@not_joined", "mode": "short", "backfill": "all"}}

    async def go() -> None:
        async with running(data_dir, at, entries) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            await until(lambda: telegram.journal.count("updates.getChannelDifference"), "the first short poll")
            number = telegram.publish("not_joined", "Heard all the same.")
            await until(lambda: number in numbers(rig), "the post")

    asyncio.run(go())


def test_without_joining_a_request_to_join_is_answered_with_what_lacks(
    telegram: World, at: Served, data_dir: Path
) -> None:
    lack(telegram, "channels.joinChannel", "not found")

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            asked = await rig.store.run(account_rows.file_request, "join", "post", Clock().now())
            await until(lambda: rig.ask("SELECT 1 FROM telegram_requests WHERE done_at IS NOT NULL"), "the answer")
            with rig.archive.reading() as reader:
                answer = account_rows.read_request(reader, asked)
            assert (answer.outcome, answer.detail) == (
                "later", "the server does not offer channels.joinChannel (NOT_FOUND)"
            )  # fmt: skip

    asyncio.run(go())


@pytest.mark.parametrize(
    "manners",
    [
        pytest.param({"plain_pages": True}, marks=pytest.mark.long),
        pytest.param({"omits_missing": True}, marks=pytest.mark.long),
        pytest.param({"page": 30}, marks=pytest.mark.long),
        pytest.param({"downwards_only": True}, marks=pytest.mark.long),
        {"plain_pages": True, "page": 30, "downwards_only": True, "omits_missing": True},
    ],
    ids="+".join,
)
def test_history_that_comes_otherwise_comes_whole(
    storied: World, at: Served, data_dir: Path, manners: dict[str, object]
) -> None:
    for name, value in manners.items():
        setattr(storied.manners, name, value)

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await follows(rig, storied)

    asyncio.run(go())


@pytest.mark.parametrize("back", [0, 23, 60, 99])
def test_a_deletion_anywhere_on_the_newest_page_is_doubted_at_once(
    storied: World, at: Served, data_dir: Path, back: int
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            gone = sorted(numbers(rig))[-1 - back]
            storied.delete("border_post", gone, silent=True)
            await rig.round()
            asked = "SELECT p.number FROM jobs j JOIN posts p ON p.id = j.post_id WHERE j.slot = 'missing'"
            assert rig.ask(asked) == [(gone,)]

    asyncio.run(go())


def test_numbers_that_a_channel_shares_with_others_leave_no_gap(telegram: World, at: Served, data_dir: Path) -> None:
    channel, chance = telegram.channel("border_post"), random.Random(4)

    def publish(count: int) -> None:
        for _ in range(count):
            channel.next_id += chance.randrange(1, 900)
            telegram.publish("border_post", "Said somewhere.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            for count in (150, 30, 250, 1):
                publish(count)
                assert (await rig.round()).error is None
                assert numbers(rig) == telegram.visible("border_post")
                assert rig.open_gaps() == []
            assert rig.ask("SELECT count(*) FROM jobs WHERE kind = 'recheck' AND slot = 'missing'") == [(0,)]

    asyncio.run(go())


def test_all_that_was_posted_meanwhile_was_removed_and_no_gap_stays(
    telegram: World, at: Served, data_dir: Path
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            gone = [telegram.publish("border_post", f"Soon gone {count}") for count in range(150)]
            for count in range(100):
                telegram.publish("border_post", f"Here {count}")
            telegram.delete("border_post", *gone)
            assert (await rig.round()).error is None
            assert numbers(rig) == telegram.visible("border_post")
            assert rig.open_gaps() == []

    asyncio.run(go())


def test_a_name_in_large_letters_is_found_where_only_small_ones_are_kept(
    telegram: World, at: Served, data_dir: Path
) -> None:
    telegram.manners.small_handles = True

    async def go() -> None:
        async with running(data_dir, at, {"post": {"channel": "@Border_Post"}}, live=False) as rig:
            assert (await rig.round()).error is None
            assert numbers(rig) == {1}

    asyncio.run(go())


def test_another_sign_in_looks_a_channel_up_again_where_its_hash_is_worth_nothing(
    telegram: World, at: Served, data_dir: Path
) -> None:
    telegram.manners.hash_of_session = True
    first = sign_in(telegram, at, data_dir)
    audio = telegram.publish("border_post", "Listen.", file=File("audio", b"ID3" + b"x" * 9_000))

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: audio in numbers(rig), "the post")
            telegram.accounts.end_sessions(PHONE)
            await until(lambda: rig.account.status.dead, "the end of the session")
            missed = telegram.publish("border_post", "Said meanwhile.")
            sign_in(telegram, at, data_dir)
            await until(lambda: missed in numbers(rig), "what was said meanwhile")
            [(url,)] = rig.ask("SELECT url FROM media")
            assert len(await carried(rig, url)) == 9_003
            assert telegram.journal.count("contacts.resolveUsername") == 2
            telegram.ban("border_post", PHONE)
            for _ in range(3):
                found = await rig.round()
                assert found.error is not None
                assert found.error.state == "private"
            assert telegram.journal.count("contacts.resolveUsername") == 2

    assert first.exists()
    asyncio.run(go())


def test_a_hash_that_is_worth_nothing_never_leads_to_who_took_the_name(
    telegram: World, at: Served, data_dir: Path
) -> None:
    telegram.manners.hash_of_session = True
    sign_in(telegram, at, data_dir)

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
        telegram.squat("border_post", "Squatters")
        telegram.publish("border_post", "Not theirs.")
        sign_in(telegram, at, data_dir)
        async with running(data_dir, at, ONE, live=False) as rig:
            found = await rig.round()
            assert found.error is not None
            assert found.error.state == "deleted"
            assert numbers(rig) == {1}

    asyncio.run(go())


# Files ----------------------------------------------------------------------------------------------------------------


def carried(rig: Rig, url: str) -> "asyncio.Future[bytes]":
    async def go() -> bytes:
        pieces: list[bytes] = []
        source = rig.sources["post"]
        assert isinstance(source, Carrier)
        await source.carry(url, pieces.append, 64 << 20)
        return b"".join(pieces)

    return asyncio.ensure_future(go())


@pytest.mark.parametrize("size", [1, 4_096, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 77])
@pytest.mark.parametrize("piece", [1 << 20, 128 << 10])
def test_a_file_of_any_size_comes_whole_in_pieces_of_any_size(
    telegram: World, at: Served, data_dir: Path, size: int, piece: int
) -> None:
    telegram.manners.piece = piece
    data = random.Random(size).randbytes(size)
    for kind in ("document", "photo"):
        telegram.publish("border_post", "Look.", file=File(kind, data))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            urls = [url for (url,) in rig.ask("SELECT url FROM media")]
            assert len(urls) == 2
            for url in urls:
                assert hashlib.sha256(await carried(rig, url)).digest() == hashlib.sha256(data).digest()

    asyncio.run(go())


@pytest.mark.parametrize("off", [-700, 700])
def test_a_photo_whose_size_is_told_wrongly_comes_as_it_is_and_a_document_does_not(
    telegram: World, at: Served, data_dir: Path, off: int
) -> None:
    telegram.manners.photo_bytes_off = off
    data = random.Random(off).randbytes(9_001)
    telegram.publish("border_post", "Look.", file=File("photo", data))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            [(url,)] = rig.ask("SELECT url FROM media")
            assert await carried(rig, url) == data

    asyncio.run(go())


def test_a_file_that_an_own_server_says_is_elsewhere_is_asked_for_where_one_is(
    telegram: World, at: Served, data_dir: Path
) -> None:
    """Its configuration may name no other data centre, and it may know no way there."""
    lack(telegram, "auth.exportAuthorization", "not implemented")
    lack(telegram, "help.getConfig", "not implemented")
    telegram.manners.tells_dc = 5
    telegram.publish("border_post", "Look.", file=File("document", b"%PDF-1.7"))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False, patience=SLOWER) as rig:
            await rig.round()
            [(url,)] = rig.ask("SELECT url FROM media")
            assert await carried(rig, url) == b"%PDF-1.7"

    asyncio.run(go())


CONFIG = """
[telegram]
api_id = 1
api_hash_file = "hash"
server = "{host}:{port}"
dc = {dc}
public_key_file = "{key}"
[defaults]
every = "1s"
[[sources]]
name = "post"
kind = "telegram"
channel = "@border_post"
fallback = "none"
backfill = "all"
recheck = ["1s"]
media = ["photo", "voice", "audio", "document", "video"]
"""
KINDS: tuple[FileKind, ...] = ("photo", "voice", "audio", "document", "video")


def test_five_hundred_posts_of_another_server_with_their_files_edits_and_deletions(
    telegram: World, at: Served, tmp_path: Path, waits: Callable[[Callable[[], object], str], None]
) -> None:
    """From outside, as a user meets it: sign-in by code, not joined, nothing pushed, every manner another."""
    telegram.accounts.open(GUEST, code="54321")
    for name, value in OTHERWISE.items():
        setattr(telegram.manners, name, value)
    chance = random.Random(500)
    sent: dict[int, bytes] = {}
    for count in range(500):
        file = None
        if count % 25 == 0:
            size = 3_000_001 if count == 250 else chance.randrange(1, 900_000)
            file = File(
                KINDS[count // 25 % 5], chance.randbytes(size), name=f"file {count}", dc=2 + count // 25 % 2 * 2
            )
        number = telegram.publish("border_post", f"Statement {count}", file=file)
        if file is not None:
            sent[number] = file.data
    desk = Desk(tmp_path)
    (tmp_path / "hash").write_text("0123456789abcdef")
    (tmp_path / "hash").chmod(0o600)
    desk.write(CONFIG.format(host=at.host, port=at.port, dc=at.dc, key=at.public_key_file))
    desk.run("login", "--phone", GUEST, stdin="54321\n")
    desk.start("run")
    waits(lambda: "is reached" in desk.said(), "first contact")
    waits(lambda: asked(desk, "SELECT count(*) FROM posts") == [(501,)], "every post")
    telegram.edit("border_post", 499, "Corrected near the end.")
    telegram.edit("border_post", 420, "Corrected further up.")
    telegram.delete("border_post", 480, 410)
    telegram.expire_file_references()
    waits(
        lambda: asked(desk, "SELECT count(*) FROM revisions_readable WHERE text LIKE 'Corrected %'") == [(2,)],
        "the edits",
    )
    gone = "SELECT number FROM posts WHERE deleted_at IS NOT NULL ORDER BY number"
    waits(lambda: asked(desk, gone) == [(410,), (480,)], "the deletions")
    waits(lambda: asked(desk, "SELECT count(*) FROM media WHERE state = 'stored'") == [(20,)], "the files")
    desk.stop()
    kept = dict(asked(desk, "SELECT p.number, m.sha256 FROM media m JOIN posts p ON p.id = m.post_id"))
    assert kept == {number: hashlib.sha256(data).hexdigest() for number, data in sent.items()}
    for sha in kept.values():
        [path] = (tmp_path / "data" / "media").rglob(sha)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha


def asked(desk: Desk, statement: str) -> list[tuple[Any, ...]]:
    with desk.archive as archive, archive.reading() as reader:
        return [tuple(row) for row in reader.execute(statement)]


# The server itself ----------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere() -> World:
    made = World(dcs=(1,))
    made.accounts.open(PHONE, code="12345", dc=1)
    made.open_channel("border_post", "Border Post", members=[PHONE])
    return made


def test_a_data_centre_with_another_number_is_served(elsewhere: World, tmp_path: Path) -> None:
    number = elsewhere.publish("border_post", "Look.", file=File("document", b"%PDF-1.7"))
    with run_in_thread(elsewhere) as served:
        sign_in(elsewhere, served, tmp_path)

        async def go() -> None:
            async with running(tmp_path, served, ONE) as rig:
                await until(lambda: number in numbers(rig), "the post")
                [(url,)] = rig.ask("SELECT url FROM media")
                assert await carried(rig, url) == b"%PDF-1.7"

        asyncio.run(go())


def test_a_server_that_moved_is_found_where_the_config_says(telegram: World, tmp_path: Path) -> None:
    with run_in_thread(telegram) as before:
        sign_in(telegram, before, tmp_path)
    with run_in_thread(telegram) as moved:
        number = telegram.publish("border_post", "From the new place.")

        async def go() -> None:
            async with running(tmp_path, moved, ONE) as rig:
                await until(lambda: number in numbers(rig), "the post")

        asyncio.run(go())


def test_a_server_that_was_killed_and_comes_back_is_asked_for_all_that_it_has(telegram: World, tmp_path: Path) -> None:
    with run_in_thread(telegram) as before:
        sign_in(telegram, before, tmp_path)

    async def go() -> None:
        async with running(tmp_path, before, ONE) as rig:
            for life in range(3):
                with run_in_thread(telegram, before.ports):
                    await until(partial(in_state, rig, "connected"), "a connection")
                    number = telegram.publish("border_post", f"Life {life}.")
                    await until(partial(arrived, rig, number), "what was posted while it stood")
                await until(partial(in_state, rig, "unreachable"), "its end to be noticed")
                telegram.publish("border_post", f"After life {life}.")
                telegram.edit("border_post", number, f"Life {life}, corrected.")
            with run_in_thread(telegram, before.ports):
                await until(lambda: numbers(rig) == telegram.visible("border_post"), "everything")
                await until(lambda: words(rig, number) == ["Life 2.", "Life 2, corrected."], "the edit")

    asyncio.run(go())


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_who_is_stopped_while_telethon_swallows_it_stops(ends: str) -> None:
    """`asyncio.wait_for` of Python 3.11 does so when a connection is made in the very moment."""

    async def swallow() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if ends == "badly":
                raise OSError("nothing listens there") from None
        return "connected"

    async def go() -> None:
        task = asyncio.create_task(call_within(swallow(), 60))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(go())


def in_state(rig: Rig, state: str) -> bool:
    return rig.account.status.state == state


def arrived(rig: Rig, number: int) -> bool:
    return number in numbers(rig)


def test_the_pages_of_t_me_never_stand_in_for_a_server_of_ones_own(telegram: World, at: Served, data_dir: Path) -> None:
    lack(telegram, "messages.getHistory", "method invalid")
    entries = {"post": {"channel": "@border_post", "fallback": "telegram_web"}}

    async def go() -> None:
        async with running(data_dir, at, entries, live=False) as rig:
            found = await rig.round()
            assert str(found.error) == "the server does not offer messages.getHistory (METHOD_INVALID)"

    asyncio.run(go())


@pytest.mark.parametrize("page", [100, 30])
def test_many_posts_are_looked_at_out_of_the_history_where_a_server_gives_none_by_number(
    storied: World, at: Served, data_dir: Path, page: int
) -> None:
    storied.manners.page = page
    lack(storied, "channels.getMessages", "method invalid")
    storied.delete("border_post", 60, 150)
    storied.delete("border_post", *range(70, 90))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            reader = rig.gateway.reader(read_channel_name("@border_post"))
            looked = await reader.check(None, [str(number) for number in (2, 40, 60, 61, 75, 150, 199, 231)])
            assert [one.presence for one in looked] == [
                "present", "present", "absent", "present", "absent", "absent", "present", "present"
            ]  # fmt: skip
            assert all(one.control for one in looked)

    asyncio.run(go())


@pytest.mark.parametrize("method", ["contacts.resolveUsername", "messages.getHistory", "channels.getMessages"])
def test_a_wait_of_one_method_is_kept_to_its_end_and_then_everything_comes(
    telegram: World, at: Served, data_dir: Path, method: str
) -> None:
    first = telegram.publish("border_post", "Before the wait.", file=File("document", b"%PDF"))
    telegram.faults.flood(method, 2)

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            found = await rig.round()
            if method == "channels.getMessages":
                with pytest.raises(Later) as raised:
                    await carried(rig, f"telegram:1500000001/{first}")
                error = raised.value
            else:
                assert isinstance(found.error, Later)
                error = found.error
            assert (error.state, error.obey) == ("rate-limited", True)
            assert error.retry_at is not None
            await asyncio.sleep(max(0, error.retry_at / SECOND - Clock().now() / SECOND))
            assert (await rig.round()).error is None
            assert first in numbers(rig)
            [(url,)] = rig.ask("SELECT url FROM media")
            assert await carried(rig, url) == b"%PDF"
            assert telegram.faults.broken_waits == []

    asyncio.run(go())

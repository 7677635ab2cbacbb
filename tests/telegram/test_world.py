"""The Telegram world on loopback, as an unmodified Telethon client sees it; so the facts that `bot` relies on."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import connection, errors, events, utils
from telethon.tl import functions, types

from bot.clock import SECOND
from tests.telegram_world import Fault, File, Message, Poll, Served, World, run_in_thread
from tests.telegram_world.channels import Channel
from tests.telegram_world.visitor import client_of, visiting

PHONE = "+95 9 000 000 001"
OTHER = "+95 9 000 000 002"
SECRET = bytes(range(16))


@pytest.fixture
def world() -> World:
    made = World()
    made.accounts.open(PHONE)
    made.accounts.open(OTHER, code="54321", password="correct horse")
    made.open_channel("border_post", "Border Post")
    return made


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with run_in_thread(world) as stands:
        yield stands


def within(seconds: float, work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(bounded())


async def until(true: Callable[[], Any]) -> None:
    """Wait for what comes from another thread, at most as long as the test may take."""
    while not true():  # noqa: ASYNC110 - the world is changed by another thread, which has no event of this loop
        await asyncio.sleep(0.005)


def collect(client: Any) -> list[tuple[str, Any]]:
    """What Telethon's handlers get, as (event, text or deleted ids)."""
    got: list[tuple[str, Any]] = []

    async def note(event: Any) -> None:
        content = event.deleted_ids if isinstance(event, events.MessageDeleted.Event) else event.message.message
        got.append((type(event).__qualname__.split(".")[0], content))

    for builder in (events.NewMessage, events.MessageEdited, events.MessageDeleted):
        client.add_event_handler(note, builder())
    return got


# Logging in


def test_a_code_logs_in_and_a_wrong_one_does_not(world: World, served: Served) -> None:
    async def visit() -> None:
        client = client_of(served)
        await client.connect()
        assert not await client.is_user_authorized()
        await client.send_code_request(PHONE)
        with pytest.raises(errors.PhoneCodeInvalidError):
            await client.sign_in(PHONE, "99999")
        me = await client.sign_in(PHONE, "12345")
        assert me.phone == "959000000001"
        assert await client.log_out()
        assert await client.disconnected is None

    within(60, visit())
    with pytest.raises(KeyError):
        world.accounts.account("+95 9 999 999 999")


def test_a_number_that_nobody_has_gets_a_code_and_no_login(served: Served) -> None:
    async def visit() -> None:
        client = client_of(served)
        await client.connect()
        await client.send_code_request("+95 9 999 999 999")
        with pytest.raises(errors.PhoneNumberUnoccupiedError):
            await client.sign_in("+95 9 999 999 999", "12345")
        with pytest.raises(errors.PhoneNumberInvalidError):
            await client.send_code_request("+95")
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await client.get_messages("border_post")
        await client.disconnect()

    within(60, visit())


def test_a_password_stands_behind_the_code(served: Served) -> None:
    async def visit() -> None:
        client = client_of(served)
        await client.connect()
        await client.send_code_request(OTHER)
        with pytest.raises(errors.SessionPasswordNeededError):
            await client.sign_in(OTHER, "54321")
        with pytest.raises(errors.PasswordHashInvalidError):
            await client.sign_in(password="wrong horse")
        me = await client.sign_in(password="correct horse")
        assert me.phone == "959000000002"
        await client.disconnect()

    within(60, visit())


@pytest.mark.parametrize("scanned_by", ["the world", "another session"])
def test_a_scanned_qr_code_logs_in(world: World, served: Served, scanned_by: str) -> None:
    async def visit() -> None:
        client = client_of(served)
        await client.connect()
        login = await client.qr_login()
        waiting = asyncio.ensure_future(login.wait())
        await until(client.list_event_handlers)
        if scanned_by == "the world":
            world.accounts.accept_login_token(login.token, PHONE)
        else:
            async with visiting(served, world, PHONE) as telephone:
                await telephone(functions.auth.AcceptLoginTokenRequest(login.token))
        assert (await waiting).phone == "959000000001"
        await client.disconnect()

    within(60, visit())


def test_a_scanned_qr_code_still_asks_for_the_password(world: World, served: Served) -> None:
    async def visit() -> None:
        client = client_of(served)
        await client.connect()
        login = await client.qr_login()
        waiting = asyncio.ensure_future(login.wait())
        await until(client.list_event_handlers)
        world.accounts.accept_login_token(login.token, OTHER)
        with pytest.raises(errors.SessionPasswordNeededError):
            await waiting
        assert (await client.sign_in(password="correct horse")).phone == "959000000002"
        await client.disconnect()

    within(60, visit())


def test_an_account_of_another_data_centre_is_sent_there(world: World, served: Served) -> None:
    world.accounts.open("+95 9 000 000 003", dc=4)

    async def visit() -> None:
        client = client_of(served)
        await client.connect()
        await client.send_code_request("+95 9 000 000 003")
        await client.sign_in("+95 9 000 000 003", "12345")
        assert client.session.dc_id == 4
        assert [one.id async for one in client.iter_messages("border_post", wait_time=0)] == [1]
        await client.disconnect()

    within(60, visit())


@pytest.mark.parametrize(
    "framing",
    [
        connection.ConnectionTcpFull,
        connection.ConnectionTcpAbridged,
        connection.ConnectionTcpIntermediate,
        connection.ConnectionTcpObfuscated,
    ],
)
def test_every_framing_reaches_the_world(world: World, served: Served, framing: Any) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE, connection=framing) as client:
            assert [one.id async for one in client.iter_messages("border_post", wait_time=0)] == [1]

    within(60, visit())


@pytest.mark.filterwarnings("ignore:proxy argument will be ignored")  # said of SOCKS; an MTProxy needs no library
def test_the_world_can_stand_behind_an_mtproxy(world: World) -> None:
    async def visit(proxied: Served) -> None:
        settings = {
            "connection": connection.ConnectionTcpMTProxyRandomizedIntermediate,
            "proxy": (proxied.host, proxied.port, SECRET.hex()),
        }
        async with visiting(proxied, world, PHONE, **settings) as client:
            assert [one.id async for one in client.iter_messages("border_post", wait_time=0)] == [1]

    with run_in_thread(world, secret=SECRET) as proxied:
        within(60, visit(proxied))


# Reading


def test_history_comes_whole_in_both_directions(world: World, served: Served) -> None:
    for number in range(2, 251):
        world.publish("border_post", f"Statement {number}", at=number * 60 * SECOND)
    world.delete("border_post", 7, 100, 101, 249)
    standing = sorted(world.visible("border_post"))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            assert [one.id async for one in client.iter_messages("border_post", wait_time=0)] == standing[::-1]
            assert [one.id async for one in client.iter_messages("border_post", reverse=True, wait_time=0)] == standing
            tail = [one.id async for one in client.iter_messages("border_post", min_id=240, reverse=True, wait_time=0)]
            assert tail == [one for one in standing if one > 240]
            date = (await client.get_messages("border_post", ids=150)).date
            since = [
                one.id async for one in client.iter_messages("border_post", offset_date=date, reverse=True, wait_time=0)
            ]
            assert since == [one for one in standing if one >= 150]

    within(60, visit())
    assert world.shown("border_post") == world.visible("border_post")
    assert world.shown_texts("border_post", 9) == ("Statement 9",)


def test_a_raw_min_id_cuts_only_the_newest_page(world: World, served: Served) -> None:
    for number in range(2, 251):
        world.publish("border_post", f"Statement {number}")

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            peer = await client.get_input_entity("border_post")
            page = functions.messages.GetHistoryRequest(peer, 0, None, 0, 500, 0, 20, 0)
            assert [one.id for one in (await client(page)).messages] == list(range(250, 150, -1))

    within(60, visit())


def test_deleted_ids_come_back_as_none(world: World, served: Served) -> None:
    for text in ("kept", "deleted", "also kept"):
        world.publish("border_post", text)
    world.delete("border_post", 3, silent=True)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            found = await client.get_messages("border_post", ids=[2, 3, 4, 99])
            assert [one and one.message for one in found] == ["kept", None, "also kept", None]

    within(60, visit())


def test_names_move_and_ids_stay(world: World, served: Served) -> None:
    first = world.channel("border_post").id

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            kept = await client.get_input_entity("border_post")
            assert kept.channel_id == first
            world.rename("border_post", "border_post_news")
            with pytest.raises(errors.UsernameNotOccupiedError):
                await client(functions.contacts.ResolveUsernameRequest("border_post"))
            assert (await client.get_messages(kept, limit=1))[0].id == 1
            taken = world.squat("border_post_news", "Not them")
            resolved = await client(functions.contacts.ResolveUsernameRequest("Border_Post_News"))
            assert resolved.peer.channel_id == taken != first
            assert (await client.get_entity(kept)).username is None
        async with visiting(served, world, PHONE) as client:
            with pytest.raises(ValueError, match="No user has"):
                await client.get_messages("nobody_here")

    within(60, visit())
    assert world.journal.count("contacts.resolveUsername") == 4


def test_an_access_hash_is_worth_nothing_to_another_account(world: World, served: Served) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client, visiting(served, world, OTHER) as other:
            peer = await client.get_input_entity("border_post")
            with pytest.raises(errors.ChannelInvalidError):
                await other(functions.messages.GetHistoryRequest(peer, 0, None, 0, 1, 0, 0, 0))

    within(60, visit())


def test_a_private_channel_opens_only_to_its_link(world: World, served: Served) -> None:
    hidden = world.open_channel(None, "Hidden", private=True, invite="s3cret")

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            seen = await client(functions.messages.CheckChatInviteRequest("s3cret"))
            assert (seen.title, seen.broadcast) == ("Hidden", True)
            with pytest.raises(errors.InviteHashInvalidError):
                await client(functions.messages.CheckChatInviteRequest("wrong"))
            await client(functions.messages.ImportChatInviteRequest("s3cret"))
            again = await client(functions.messages.CheckChatInviteRequest("s3cret"))
            peer = utils.get_input_peer(again.chat)
            assert [one.id async for one in client.iter_messages(peer)] == [1]
            world.ban(hidden, PHONE)
            with pytest.raises(errors.ChannelPrivateError):
                await client.get_messages(peer)
            with pytest.raises(errors.InviteHashExpiredError):
                await client(functions.messages.ImportChatInviteRequest("s3cret"))

    within(60, visit())


@pytest.mark.parametrize("happens", ["make_private", "delete_channel"])
def test_a_channel_that_closes_is_private_to_who_has_not_joined(world: World, served: Served, happens: str) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            peer = await client.get_input_entity("border_post")
            getattr(world, happens)("border_post")
            with pytest.raises(errors.ChannelPrivateError):
                await client.get_messages(peer)
            seen = (await client(functions.channels.GetChannelsRequest([peer]))).chats[0]
            assert isinstance(seen, types.ChannelForbidden)

    within(60, visit())


def test_an_account_can_hold_only_so_many_channels(world: World, served: Served) -> None:
    world.accounts.open("+95 9 000 000 004", channels_most=1)
    world.open_channel("river_post", "River Post")

    async def visit() -> None:
        async with visiting(served, world, "+95 9 000 000 004") as client:
            await client(functions.channels.JoinChannelRequest("border_post"))
            with pytest.raises(errors.ChannelsTooMuchError):
                await client(functions.channels.JoinChannelRequest("river_post"))
            await client(functions.channels.LeaveChannelRequest("border_post"))
            await client(functions.channels.JoinChannelRequest("river_post"))

    within(60, visit())


def test_the_list_of_chats_comes_in_pages(world: World, served: Served) -> None:
    made = [world.open_channel(f"post_{number}", f"Post {number}", members=[PHONE]) for number in range(120)]

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            found = [one.entity.id async for one in client.iter_dialogs()]
            assert sorted(found) == made
            assert len(world.journal.calls("messages.getDialogs")) == 2
            full = await client(functions.channels.GetFullChannelRequest("post_7"))
            assert full.full_chat.participants_count == 1

    within(60, visit())


def test_a_message_carries_what_a_source_must_keep(world: World, served: Served) -> None:
    world.open_channel("river_post", "River Post", noforwards=True, restricted="Not available")
    origin = world.publish("river_post", "First said here.", author="Press office", restricted="Not here")
    forwarded = world.forward("border_post", "river_post", origin)
    answer = world.publish("border_post", "We reply.", reply_to=forwarded)
    world.edit("border_post", answer, "We reply, corrected.")
    album = world.publish_album("border_post", [File("photo", b"1"), File("photo", b"2")], "Two pictures")
    poll = world.publish("border_post", poll=Poll("Open?", ("Yes", "No"), voters=(3, 4)))
    bold = world.publish("border_post", "Bold", entities=(types.MessageEntityBold(0, 4),))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            found = {one.id: one async for one in client.iter_messages("border_post")}
            source = await client.get_entity("river_post")
            (first,) = await client.get_messages(source, ids=[origin])
        assert isinstance(found[1], types.MessageService)
        assert (found[forwarded].fwd_from.from_id.channel_id, found[forwarded].fwd_from.channel_post) == (
            world.channel("river_post").id,
            origin,
        )
        assert found[forwarded].forward.chat.username == "river_post"
        assert found[answer].reply_to.reply_to_msg_id == forwarded
        assert found[answer].edit_date is not None
        assert not found[answer].edit_hide
        assert len({found[one].grouped_id for one in album}) == 1
        assert [found[one].message for one in album] == ["Two pictures", ""]
        assert [one.text.text for one in found[poll].media.poll.answers] == ["Yes", "No"]
        assert [one.voters for one in found[poll].media.results.results] == [3, 4]
        assert found[bold].get_entities_text()[0][1] == "Bold"
        assert (source.noforwards, source.restricted, first.restriction_reason[0].text) == (True, True, "Not here")
        assert first.post_author == "Press office"

    within(60, visit())


# Updates


def test_a_member_is_told_of_posts_edits_and_deletions(world: World, served: Served) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            await client(functions.channels.JoinChannelRequest("border_post"))
            made = world.publish("border_post", "Two posts were hit.")
            world.edit("border_post", made, "Three posts were hit.")
            world.react("border_post", made, views=10)
            world.delete("border_post", made)
            world.delete("border_post", 1, silent=True)
            world.publish("border_post", "Later.")
            await until(lambda: len(got) == 5)
            assert sorted(got) == [
                ("MessageDeleted", [made]),
                ("MessageEdited", "Three posts were hit."),
                ("MessageEdited", "Three posts were hit."),
                ("NewMessage", "Later."),
                ("NewMessage", "Two posts were hit."),
            ]

    within(60, visit())
    assert world.shown_texts("border_post", 2) == ("Two posts were hit.", "Three posts were hit.")
    assert world.shown("border_post") == {2, 3}
    assert world.shown("border_post", pushes=False) == set()


def test_a_wording_that_comes_back_is_shown_again(world: World) -> None:
    number = world.channel("border_post").id
    for text, pushed in (("A", True), ("A", False), ("A", False), ("B", True), ("A", False), ("A", True)):
        world.journal.note_shown(number, [(7, text)], pushed=pushed)
    assert world.shown_texts("border_post", 7) == ("A", "B", "A")
    assert world.shown_texts("border_post", 7, pushes=False) == ("A",)


def test_reactions_to_a_post_that_was_never_edited_hide_their_edit(world: World, served: Served) -> None:
    first, second = world.publish("border_post", "Untouched"), world.publish("border_post", "Edited")
    world.edit("border_post", second, "Edited indeed")
    for made in (first, second):
        world.react("border_post", made, reactions=3)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            plain, edited = await client.get_messages("border_post", ids=[first, second])
            assert (plain.edit_hide, edited.edit_hide) == (True, False)
            assert plain.edit_date is not None
            assert plain.reactions.results[0].count == 3

    within(60, visit())


def test_who_has_not_joined_hears_only_while_polling(world: World, served: Served) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            channel = utils.get_input_channel(await client.get_input_entity("border_post"))
            world.publish("border_post", "Unheard")
            empty = types.ChannelMessagesFilterEmpty()
            difference = await client(functions.updates.GetChannelDifferenceRequest(channel, empty, 1, 100))
            assert [one.message for one in difference.new_messages if isinstance(one, types.Message)] == ["Unheard"]
            assert difference.final
            assert difference.timeout == 1
            world.publish("border_post", "Heard")
            await until(lambda: got)
            assert got == [("NewMessage", "Heard")]

    within(60, visit())


def test_the_eleventh_polled_channel_pushes_out_the_first(world: World) -> None:
    account = world.accounts.account(PHONE)
    made = [world.channel(world.open_channel(f"post_{number}", "Post")) for number in range(11)]
    for channel in made:
        world.audience.poll(account, channel, 60)
    assert [world.audience.receives(account, channel) for channel in made] == [False] + [True] * 10


def test_a_difference_tells_what_was_missed_a_hundred_changes_at_a_time(world: World, served: Served) -> None:
    for number in range(2, 152):
        world.publish("border_post", f"Statement {number}")
    world.edit("border_post", 150, "Corrected")
    world.delete("border_post", 151)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            channel = utils.get_input_channel(await client.get_input_entity("border_post"))
            empty = types.ChannelMessagesFilterEmpty()
            ask = functions.updates.GetChannelDifferenceRequest
            first = await client(ask(channel, empty, 2, 100))
            assert not first.final
            second = await client(ask(channel, empty, first.pts, 100))
            assert second.final
            new = [*first.new_messages, *second.new_messages]
            assert [one.id for one in new] == list(range(2, 151))
            assert new[-1].message == "Corrected"
            kinds = [type(one).__name__ for one in second.other_updates]
            assert kinds == ["UpdateEditChannelMessage", "UpdateDeleteChannelMessages"]
            rest = await client(ask(channel, empty, second.pts, 100))
            assert isinstance(rest, types.updates.ChannelDifferenceEmpty)

    within(60, visit())


def test_telethon_catches_up_on_posts_but_loses_edits_and_deletions(world: World, served: Served) -> None:
    world.join("border_post", PHONE)
    kept = world.publish("border_post", "Before")

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            world.publish("border_post", "Heard")
            await until(lambda: got)
            world.faults.swallow_pushes = True
            world.edit("border_post", kept, "Edited meanwhile")
            world.publish("border_post", "Said meanwhile")
            world.delete("border_post", kept)
            world.faults.swallow_pushes = False
            await client.catch_up()
            await until(lambda: len(got) == 2)
            assert got[1] == ("NewMessage", "Said meanwhile")

    within(60, visit())


def test_a_post_sent_and_edited_meanwhile_can_be_missing_from_the_difference(world: World, served: Served) -> None:
    world.faults.difference_omits_edited = True
    made = world.publish("border_post", "Said")
    world.edit("border_post", made, "Said otherwise")
    whole = world.publish("border_post", "Left alone")

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            channel = utils.get_input_channel(await client.get_input_entity("border_post"))
            empty = types.ChannelMessagesFilterEmpty()
            missed = await client(functions.updates.GetChannelDifferenceRequest(channel, empty, 2, 100))
            assert [one.id for one in missed.new_messages] == [whole]

    within(60, visit())


def test_after_too_long_a_gap_telethon_goes_on_and_says_nothing(world: World, served: Served) -> None:
    world.join("border_post", PHONE)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            world.publish("border_post", "Heard")
            await until(lambda: got)
            world.faults.swallow_pushes = True
            missed = world.publish("border_post", "Missed for good")
            world.forget_log("border_post")
            world.faults.swallow_pushes = False
            world.push_channel_too_long("border_post")
            await until(lambda: world.journal.count("updates.getChannelDifference"))
            # TooLong leaves the channel marked: Telethon asks again until a difference is empty
            await until(lambda: world.journal.count("updates.getChannelDifference") > 1)
            world.publish("border_post", "Heard again")
            await until(lambda: len(got) == 2)
            assert [text for _, text in got] == ["Heard", "Heard again"]
            assert (await client.get_messages("border_post", ids=missed)).message == "Missed for good"

    within(60, visit())


@pytest.mark.parametrize("of", ["all", "one channel"])
def test_swallowed_pushes_are_seen_by_history_alone(world: World, served: Served, of: str) -> None:
    world.join("border_post", PHONE)
    if of == "all":
        world.faults.swallow_pushes = True
    else:
        world.faults.swallow_pushes_of = frozenset({world.channel("border_post").id})

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            made = world.publish("border_post", "Unheard")
            assert world.shown("border_post") == set()
            assert [one.id async for one in client.iter_messages("border_post", min_id=1)] == [made]
            assert got == []

    within(60, visit())


# Files


@pytest.mark.parametrize("dc", [2, 4])
def test_files_come_byte_for_byte_from_the_data_centre_that_keeps_them(world: World, served: Served, dc: int) -> None:
    data = bytes(range(256)) * 2_000
    kinds = {
        world.publish("border_post", file=File(kind, data, f"a.{kind}", seconds=5, dc=dc)): kind
        for kind in ("photo", "voice", "audio", "video", "document")
    }

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            for message in await client.get_messages("border_post", ids=list(kinds)):
                assert await client.download_media(message, bytes) == data
                if (kind := kinds[message.id]) != "document":
                    assert getattr(message, kind) is not None
                assert (message.voice is not None) == (kind == "voice")
            got = collect(client)
            world.join("border_post", PHONE)
            world.publish("border_post", "Heard once, not from every data centre")
            await until(lambda: got)

    within(60, visit())


def test_an_expired_file_reference_needs_the_message_again(world: World, served: Served) -> None:
    world.publish("border_post", file=File("document", b"paper" * 1_000, "paper.pdf"))
    world.publish("border_post", file=File("photo", b"light" * 1_000))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            paper, light = await client.get_messages("border_post", ids=[2, 3])
            world.expire_file_references()
            # Telethon refetches for documents, and only for them
            assert await client.download_media(paper, bytes) == b"paper" * 1_000
            with pytest.raises(errors.FileReferenceExpiredError):
                await client.download_media(light, bytes)
            again = await client.get_messages("border_post", ids=3)
            assert await client.download_media(again, bytes) == b"light" * 1_000

    within(60, visit())


def test_a_file_reference_can_expire_at_any_chunk(world: World, served: Served) -> None:
    data = b"0123456789abcdef" * 40_000
    world.publish("border_post", file=File("photo", data))
    world.faults.suffer(Fault("upload.getFile", error=(400, "FILE_REFERENCE_EXPIRED"), after=3))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            message = await client.get_messages("border_post", ids=2)
            with pytest.raises(errors.FileReferenceExpiredError):
                await client.download_media(message, bytes)
            assert await client.download_media(message, bytes) == data

    within(60, visit())


# Faults


@pytest.mark.parametrize(
    ("kind", "error"), [("FLOOD", errors.FloodWaitError), ("FLOOD_PREMIUM", errors.FloodPremiumWaitError)]
)
def test_a_flood_wait_stands_runs_down_and_notes_who_breaks_it(
    world: World, served: Served, kind: Any, error: Any
) -> None:
    world.faults.flood("messages.getHistory", 3_600, kind=kind)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            with pytest.raises(error) as raised:
                await client.get_messages("border_post")
            assert 3_590 < raised.value.seconds <= 3_600
            with pytest.raises(errors.FloodWaitError):  # from Telethon itself, without a packet
                await client.get_messages("border_post")
            assert world.faults.broken_waits == []
            assert world.journal.count("messages.getHistory") == 1
        async with visiting(served, world, PHONE) as client:
            with pytest.raises(error):
                await client.get_messages("border_post")
            assert world.faults.broken_waits == ["messages.getHistory"]
            assert await client.get_messages("border_post", ids=1)
            world.faults.heal()
        async with visiting(served, world, PHONE) as client:
            assert await client.get_messages("border_post")

    within(60, visit())


def test_faults_have_a_schedule_and_an_account(world: World, served: Served) -> None:
    world.faults.suffer(
        Fault("channels.getMessages", error=(400, "CHANNEL_PRIVATE"), after=1, times=2, phone="959000000001")
    )

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client, visiting(served, world, OTHER) as other:
            outcomes = []
            for _ in range(4):
                assert await other.get_messages("border_post", ids=1)
                try:
                    outcomes.append((await client.get_messages("border_post", ids=1)).id)
                except errors.ChannelPrivateError:
                    outcomes.append(0)
            assert outcomes == [1, 0, 0, 1]

    within(60, visit())


def test_a_swallowed_reply_hangs_a_client_that_thinks_it_is_connected(world: World, served: Served) -> None:
    world.faults.suffer(Fault("messages.getHistory", swallow=True))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            await client.get_input_entity("border_post")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.get_messages("border_post")
            assert client.is_connected()
            assert world.shown("border_post") == set()
            assert await client.get_messages("border_post")

    within(60, visit())


def test_a_black_hole_swallows_calls_pushes_and_handshakes(world: World, served: Served) -> None:
    world.join("border_post", PHONE)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            world.faults.black_hole = True
            world.publish("border_post", "Unheard")
            newcomer = client_of(served)
            for hangs in (client.get_me(), newcomer.connect()):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await hangs
            assert client.is_connected()
            world.faults.heal()
            await newcomer.disconnect()
            await client.get_me()
            assert got == []

    within(60, visit())


@pytest.mark.parametrize("how", ["reset", "close", "half"])
def test_a_cut_connection_is_built_again_and_nothing_is_caught_up(world: World, served: Served, how: Any) -> None:
    world.join("border_post", PHONE)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            asked = world.journal.count("users.getUsers")
            world.faults.cut(how)
            await until(lambda: world.journal.count("users.getUsers") > asked)  # what Telethon does after it
            assert await client.get_messages("border_post")
            world.publish("border_post", "Heard again")
            await until(lambda: got)
            assert world.journal.count("updates.getChannelDifference") == 0

    within(60, visit())


def test_a_call_whose_connection_is_cut_is_sent_again(world: World, served: Served) -> None:
    world.faults.suffer(Fault("messages.getHistory", cut="reset"))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            assert await client.get_messages("border_post")

    within(60, visit())
    assert [call.error for call in world.journal.calls("messages.getHistory")] == ["cut: reset", None]


def test_a_server_that_was_killed_knows_its_sessions_when_it_is_back(world: World) -> None:
    async def whole() -> None:
        with run_in_thread(world) as stands:
            client = client_of(stands, world.accounts.grant_key(PHONE))
            await client.connect()
            ports = stands.ports
        with run_in_thread(world, ports):
            assert await client.get_messages("border_post")
            await client.disconnect()

    within(60, whole())


def test_a_refusing_server_resets_every_new_connection(world: World, served: Served) -> None:
    world.faults.refusing = True

    async def visit() -> None:
        client = client_of(served, connection_retries=1)
        with pytest.raises(ConnectionError):
            await client.connect()

    within(60, visit())


@pytest.mark.parametrize("skew", [-3_600, 3_600])
def test_a_clock_that_is_an_hour_off_is_put_right_by_the_server(world: World, served: Served, skew: int) -> None:
    world.faults.skew = skew

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            assert await client.get_messages("border_post")
            assert abs(client._sender._state.time_offset - skew) <= 2

    within(60, visit())


def test_a_new_salt_costs_one_message(world: World, served: Served) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            for _ in range(3):
                world.accounts.rotate_salts()
                assert await client.get_messages("border_post")

    within(60, visit())


@pytest.mark.parametrize("first", ["transport error", "forgotten key"])
def test_a_key_that_the_server_does_not_know_ends_the_client(world: World, served: Served, first: str) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            gone = client.disconnected
            if first == "transport error":
                world.faults.transport_error(-404)
            else:
                world.accounts.forget_keys()
                with pytest.raises(errors.AuthKeyNotFound):
                    await client.get_me()
            with pytest.raises(errors.AuthKeyNotFound):
                await gone
            assert not client.is_connected()

    within(60, visit())


def test_too_many_at_transport_level_ends_the_client_without_another_try(world: World, served: Served) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            gone = client.disconnected
            world.faults.transport_error(-429)
            with pytest.raises(errors.InvalidBufferError):
                await gone

    within(60, visit())


def test_an_unknown_update_is_dropped_and_the_next_one_is_heard(world: World, served: Served) -> None:
    world.join("border_post", PHONE)

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            world.push_unknown(PHONE)
            world.publish("border_post", "Heard")
            await until(lambda: got)
            assert client.is_connected()

    within(60, visit())


def test_an_unknown_constructor_in_a_reply_reaches_the_caller(world: World, served: Served) -> None:
    world.faults.suffer(Fault("messages.getHistory", unknown=True))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            with pytest.raises(errors.TypeNotFoundError):
                await client.get_messages("border_post")
            assert await client.get_messages("border_post")

    within(60, visit())


def test_an_unknown_constructor_in_a_difference_ends_the_client(world: World, served: Served) -> None:
    world.join("border_post", PHONE)
    world.faults.suffer(Fault("updates.getChannelDifference", unknown=True))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            got = collect(client)
            world.publish("border_post", "Heard")
            await until(lambda: got)
            ends = asyncio.ensure_future(
                client.run_until_disconnected()
            )  # asks for the state first: too late once dead
            await until(lambda: world.journal.count("updates.getState") == 2)
            world.push_channel_too_long("border_post")
            with pytest.raises(errors.TypeNotFoundError):
                await ends
            assert await client.disconnected is None  # alone, it does not say why

    within(60, visit())


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        ("end_sessions", errors.SessionRevokedError),
        ("duplicate_keys", errors.AuthKeyDuplicatedError),
        ("deactivate", errors.UserDeactivatedBanError),
    ],
)
def test_a_dead_session_ends_the_client_and_says_why(
    world: World, served: Served, happens: str, error: type[Exception]
) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            ends = asyncio.ensure_future(client.run_until_disconnected())
            await until(lambda: world.journal.count("updates.getState") == 2)
            getattr(world.accounts, happens)(PHONE)
            with pytest.raises(error):
                await ends
        async with visiting(served, world, OTHER) as other:
            assert await other.get_me()
        newcomer = client_of(served)
        await newcomer.connect()
        if happens == "deactivate":
            with pytest.raises(errors.PhoneNumberBannedError):
                await newcomer.send_code_request(PHONE)
        else:
            await newcomer.send_code_request(PHONE)
            assert await newcomer.sign_in(PHONE, "12345")
        await newcomer.disconnect()

    within(60, visit())


def test_a_frozen_account_is_refused_without_seconds(world: World, served: Served) -> None:
    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            world.accounts.freeze(PHONE)
            with pytest.raises(errors.FloodError) as raised:
                await client.get_messages("border_post")
            assert isinstance(raised.value, errors.FrozenMethodInvalidError)
            assert not hasattr(raised.value, "seconds")
            assert await client.get_me()
            world.accounts.freeze(PHONE, frozenset())
            assert await client.get_messages("border_post")

    within(60, visit())


def test_an_internal_error_is_retried_and_then_hidden(world: World, served: Served) -> None:
    world.faults.suffer(Fault("messages.getHistory", error=(500, "RPC_CALL_FAIL"), times=None))

    async def visit() -> None:
        async with visiting(served, world, PHONE, request_retries=0) as client:
            with pytest.raises(ValueError, match="unsuccessful"):
                await client.get_messages("border_post")

    within(60, visit())


def test_a_slow_answer_does_not_hold_up_the_others(world: World, served: Served) -> None:
    world.faults.suffer(Fault("messages.getHistory", seconds=0.3))

    async def visit() -> None:
        async with visiting(served, world, PHONE) as client:
            peer = await client.get_input_entity("border_post")
            order: list[str] = []
            slow = asyncio.ensure_future(client.get_messages(peer))
            slow.add_done_callback(lambda _: order.append("slow"))
            quick = asyncio.ensure_future(client.get_me())
            quick.add_done_callback(lambda _: order.append("quick"))
            await asyncio.gather(slow, quick)
            assert order == ["quick", "slow"]

    within(60, visit())


def test_a_mistake_of_the_world_fails_who_uses_it(world: World) -> None:
    async def visit(stands: Served) -> None:
        async with visiting(stands, world, PHONE) as client:
            world.channel("border_post").order.append(77)  # an id without a message
            with pytest.raises(errors.BadRequestError):
                await client.get_messages("border_post")

    def whole() -> None:
        with run_in_thread(world) as stands:
            within(60, visit(stands))

    with pytest.raises(BaseExceptionGroup, match="made mistakes"):
        whole()


@given(
    standing=st.sets(st.integers(1, 400), max_size=250).map(sorted),
    page=st.integers(1, 100),
    above=st.integers(0, 400),
)
def test_pages_cover_a_history_once_in_both_directions(standing: list[int], page: int, above: int) -> None:
    channel = Channel(1, "border_post", "Border Post", 0)
    for one in standing:
        channel.put(Message(one, one * SECOND))

    def cut(offset_id: int, add_offset: int) -> list[int]:
        found = channel.history(
            offset_id=offset_id, offset_date=None, add_offset=add_offset, limit=page, max_id=0, min_id=0
        )
        return [message.id for message in found]

    down: list[int] = []
    while found := cut(down[-1] if down else 0, 0):
        down += found
    assert down == standing[::-1]
    up: list[int] = []
    while found := cut((up[-1] if up else above) + 1, -page):
        up += found[::-1]
    assert up == [one for one in standing if one > above]

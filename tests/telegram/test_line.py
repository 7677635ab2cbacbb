"""From the account to the archive: history, live posts, edits, deletions, albums, faults, ends."""

import asyncio
import gc
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from telethon.tl import types

from bot.clock import HOUR, MINUTE, SECOND, Clock
from bot.errors import Later, Never
from bot.intake.media import Carrier
from bot.telegram.channel_names import read_channel_name
from bot.telegram.waiting import Patience
from bot.world import World as Pages
from bot.world import run_in_thread as pages_in_thread
from bot.world.state import WorldFile
from storage.posts import rechecks
from storage.records import Poll as PagePoll
from storage.sources import gaps
from storage.sources import telegram as account_rows
from storage.state_names import TOO_BIG
from tests.telegram.in_process import PHONE, QUICK, Rig, make_due, running, sign_in, until
from tests.telegram_world import Fault, File, Poll, Served, World
from tests.telegram_world.signals import CutHow

HOWS: tuple[CutHow, ...] = ("reset", "close", "reset")
ONE = {"post": {"channel": "@border_post", "backfill": "all"}}


def numbers(rig: Rig) -> set[int]:
    return {row[0] for row in rig.ask("SELECT number FROM posts")}


def arrived(rig: Rig, number: int) -> bool:
    return number in numbers(rig)


def in_state(rig: Rig, state: str) -> bool:
    return rig.account.status.state == state


def words(rig: Rig, number: int) -> list[str]:
    return [
        row[0]
        for row in rig.ask(
            "SELECT r.text FROM revisions_readable r JOIN posts p ON p.id = r.post_id WHERE p.number = :n ORDER BY r.number",
            n=number,
        )
    ]


def photo() -> File:
    return File("photo", b"\xff\xd8\xff" + b"x" * 64)


def test_history_comes_whole_over_many_pages(telegram: World, at: Served, data_dir: Path) -> None:
    for count in range(455):
        telegram.publish("border_post", f"Post {count}")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            first = await rig.round()
            assert first.error is None
            assert numbers(rig) == telegram.visible("border_post")
            assert rig.open_gaps() == []
            again = await rig.round()
            assert (again.new, again.revised) == (0, 0)

    asyncio.run(go())


def test_what_came_while_nobody_looked_is_fetched_in_ascending_order(
    telegram: World, at: Served, data_dir: Path
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            for count in range(330):
                telegram.publish("border_post", f"Missed {count}")
            found = await rig.round()
            assert found.new == 330
            assert rig.open_gaps() == []
            order = [row[0] for row in rig.ask("SELECT number FROM posts ORDER BY rowid")]
            collected = [row[0] for row in rig.ask("SELECT number FROM posts ORDER BY collected_at, number")]
            assert order[-1] == max(order)
            assert collected == sorted(collected)

    asyncio.run(go())


def test_a_push_rings_and_the_round_finds_the_post(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            number = telegram.publish("border_post", "We were hit.")
            await until(lambda: number in numbers(rig), "the pushed post")
            telegram.edit("border_post", number, "We were hit twice.")
            await until(lambda: len(words(rig, number)) == 2, "the edit")
            assert rig.ask("SELECT mode, joined FROM telegram_watches") in ([], [("push", 1)])

    asyncio.run(go())


def test_a_thousand_reactions_make_no_revision_of_any_post(telegram: World, at: Served, data_dir: Path) -> None:
    posts = [telegram.publish("border_post", "Look at this."), telegram.publish("border_post", file=photo())]
    posts += [telegram.publish_album("border_post", [photo(), photo()], "Two pictures.")[0]]
    posts += [telegram.publish("border_post", "It was edited long ago.")]
    telegram.edit("border_post", posts[-1], "It was edited.")

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: set(posts) <= numbers(rig), "the posts")
            for count in range(1000):
                telegram.react("border_post", posts[count % 4], views=count)
                if count % 50 == 0:
                    await asyncio.sleep(0.02)
            last = telegram.publish("border_post", "The end.")
            await until(lambda: last in numbers(rig), "what came after")
            await rig.round()
            await rig.checked(HOUR)
            assert rig.ask("SELECT max(number) FROM revisions") == [(0,)]
            assert words(rig, posts[0]) == ["Look at this."]

    asyncio.run(go())


def test_reactions_to_posts_that_were_never_edited_cost_no_call(telegram: World, at: Served, data_dir: Path) -> None:
    posts = [telegram.publish("border_post", f"Post {count}") for count in range(150)]

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at and not rig.open_gaps(), "first contact")
            before = telegram.journal.count("messages.getHistory")
            for count in range(40):
                for post in posts[count::10]:
                    telegram.react("border_post", post)
                await asyncio.sleep(0.06)
            last = telegram.publish("border_post", "The end.")
            await until(lambda: last in numbers(rig), "what came after")
            assert telegram.journal.count("messages.getHistory") - before < 5
            assert rig.ask("SELECT count(*) FROM jobs WHERE slot = 'reported'") == [(0,)]

    asyncio.run(go())


def test_a_deletion_is_looked_at_twice_before_it_counts(telegram: World, at: Served, data_dir: Path) -> None:
    number = telegram.publish("border_post", "We retreat.")

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: number in numbers(rig), "the post")
            telegram.delete("border_post", number)
            await until(lambda: rig.ask("SELECT 1 FROM jobs WHERE kind = 'recheck' AND slot IN ('reported', 'missing')"),
                        "the hint")  # fmt: skip
            assert await rig.checked()
            assert rig.ask("SELECT deleted_at FROM posts WHERE number = :n", n=number) == [(None,)]
            rig.rechecks.clock = Clock(now=lambda: Clock().now() + 10 * SECOND)
            await rig.checked(11 * SECOND)
            [(deleted,)] = rig.ask("SELECT deleted_at FROM posts WHERE number = :n", n=number)
            assert deleted is not None
            assert {row[0] for row in rig.ask("SELECT method FROM observations")} == {"telegram, by id"}

    asyncio.run(go())


def test_a_silent_deletion_is_found_by_the_newest_page(telegram: World, at: Served, data_dir: Path) -> None:
    numbers_ = [telegram.publish("border_post", f"Post {count}") for count in range(5)]

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.delete("border_post", numbers_[2], silent=True)
            await rig.round()
            assert await rig.checked() == 1
            assert rig.ask("SELECT presence FROM observations") == [("absent",)]

    asyncio.run(go())


def test_a_silent_deletion_just_after_a_look_is_found_and_confirmed_within_seconds(
    telegram: World, at: Served, data_dir: Path
) -> None:
    numbers_ = [telegram.publish("border_post", f"Post {count}") for count in range(5)]

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            reported = rechecks.recheck_reported
            await rig.store.run(reported, "post", [str(numbers_[2])], rig.rechecks.clock.now())
            assert await rig.checked() == 1
            telegram.delete("border_post", numbers_[2], silent=True)
            await rig.round()
            await rig.round()  # the channel says nothing more
            assert await rig.checked() == 1
            rig.rechecks.clock = Clock(now=lambda: Clock().now() + 10 * SECOND)
            assert await rig.checked(11 * SECOND) == 1
            deleted = rig.ask("SELECT number FROM posts WHERE deleted_at IS NOT NULL")
            assert deleted == [(numbers_[2],)]

    asyncio.run(go())


def test_an_album_is_one_post_under_its_first_id(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            parts = telegram.publish_album("border_post", [photo() for _ in range(4)], "Four pictures.")
            after = telegram.publish("border_post", "And words.")
            await until(lambda: after in numbers(rig), "the post after it")
            assert numbers(rig) & set(parts) == {parts[0]}
            assert words(rig, parts[0]) == ["Four pictures."]
            assert rig.ask("SELECT count(*) FROM media") == [(4,)]

    asyncio.run(go())


def test_albums_without_end_hold_up_no_post_for_longer_than_one_settles(
    telegram: World, at: Served, data_dir: Path
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, settle_s=0.6) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            posts: list[int] = []
            while not posts or not arrived(rig, posts[0]):
                telegram.publish_album("border_post", [photo(), photo()], "Two pictures.")
                posts.append(telegram.publish("border_post", "And words."))
                assert len(posts) < 50, "as long as albums come, nothing else does"
                await asyncio.sleep(0.2)
            await until(lambda: arrived(rig, posts[-1]), "the last one")
            assert rig.ask("SELECT count(*) FROM posts WHERE group_key IS NOT NULL") == [(len(posts),)]

    asyncio.run(go())


def test_an_album_settles_although_our_clock_is_wrong(telegram: World, at: Served, data_dir: Path) -> None:
    clock = Clock(now=lambda: Clock().now() + HOUR)

    async def go() -> None:
        async with running(data_dir, at, ONE, settle_s=0.5, clock=clock) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            first, second = telegram.reserve("border_post", 2)
            telegram.publish("border_post", number=second, album=77, file=photo())
            await asyncio.sleep(0.2)
            telegram.publish("border_post", "Both at once.", number=first, album=77, file=photo())
            await until(lambda: numbers(rig) - {1}, "the album")
            assert numbers(rig) == {1, first}

    asyncio.run(go())


def test_an_edited_part_of_an_old_album_leads_to_its_post(telegram: World, at: Served, data_dir: Path) -> None:
    parts = telegram.publish_album("border_post", [photo() for _ in range(4)], "Four pictures.")
    for count in range(150):
        telegram.publish("border_post", f"Post {count}")

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at and not rig.open_gaps(), "first contact")
            telegram.edit("border_post", parts[2], "The third of them.")
            await until(lambda: rig.ask("SELECT 1 FROM jobs WHERE slot = 'reported'"), "the hint")
            await rig.checked()
            assert words(rig, parts[0]) == ["Four pictures.", "Four pictures.\nThe third of them."]

    asyncio.run(go())


def test_what_is_left_of_an_album_alerts_nobody_again(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            parts = telegram.publish_album("border_post", [photo() for _ in range(3)], "Three pictures.")
            after = telegram.publish("border_post", "Alone.", file=photo())
            await rig.round()
            telegram.delete("border_post", parts[0])
            telegram.delete("border_post", parts[1])
            await rig.round()
            alerting = "SELECT number FROM posts WHERE alerts = 1 AND number > 1 ORDER BY number"
            assert rig.ask(alerting) == [(parts[0],), (after,)]
            assert rig.ask("SELECT alerts FROM posts WHERE number = :n", n=parts[2]) == [(0,)]

    asyncio.run(go())


def test_an_edit_of_a_post_that_is_still_on_its_way_here_is_looked_for_again(
    telegram: World, at: Served, data_dir: Path
) -> None:
    for count in range(150):
        telegram.publish("border_post", f"Post {count}")

    async def go() -> None:
        async with running(data_dir, at, {"post": {"channel": "@border_post", "backfill": 5}}) as rig:
            rig.live.again_s = 0.5
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.edit("border_post", 7, "Edited before it came.")
            telegram.delete("border_post", 8)
            await until(lambda: rig.live._again, "the hints")
            await rig.store.run(gaps.request_backfill, rig.row().id, below=None, now=Clock().now())
            await rig.round()
            assert arrived(rig, 7)
            await until(lambda: rig.ask("SELECT 1 FROM jobs WHERE slot = 'reported'"), "the second look")

    asyncio.run(go())


def test_forwards_and_replies_keep_where_they_come_from(telegram: World, at: Served, data_dir: Path) -> None:
    telegram.open_channel("far_office", "Far Office")
    origin = telegram.publish("far_office", "Contact was lost.")
    first = telegram.publish("border_post", "Question")
    copy = telegram.forward("border_post", "far_office", origin)
    reply = telegram.publish("border_post", "Answer", reply_to=first)

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            [(forward,)] = rig.ask("SELECT forward FROM posts WHERE number = :n", n=copy)
            assert f'"post": "{origin}"' in forward
            assert '"source": "far_office"' in forward
            assert rig.ask("SELECT reply_to FROM posts WHERE number = :n", n=reply) == [(str(first),)]

    asyncio.run(go())


def test_a_flood_wait_is_kept_and_outlives_a_restart(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.faults.flood("messages.getHistory", 4)
            found = await rig.round()
            assert isinstance(found.error, Later)
            assert (found.error.state, found.error.obey) == ("rate-limited", True)
        calls = telegram.journal.count("messages.getHistory")
        for _ in range(3):
            async with running(data_dir, at, ONE) as rig:
                held = await rig.round()
                assert isinstance(held.error, Later)
                assert held.error.retry_at == found.error.retry_at
                assert rig.ask("SELECT method FROM telegram_waits") == [("messages.getHistory",)]
        assert telegram.journal.count("messages.getHistory") == calls
        assert telegram.faults.broken_waits == []

    asyncio.run(go())


@pytest.mark.parametrize("restarts", [5, pytest.param(50, marks=pytest.mark.long)])
def test_names_are_resolved_once_for_ever(telegram: World, at: Served, data_dir: Path, restarts: int) -> None:
    names = [f"channel_{count:03}" for count in range(300)]
    for name in names:
        telegram.open_channel(name, name)
    entries = {name: {"channel": name, "backfill": 1} for name in names}

    async def go() -> None:
        async with running(data_dir, at, entries, live=False, by_the_hour={}) as rig:
            for name in names:
                await rig.gateway.peers.find(read_channel_name(name))
        assert telegram.journal.count("contacts.resolveUsername") == 300
        for restart in range(restarts):
            async with running(data_dir, at, entries, live=False, by_the_hour={}) as rig:
                for name in names if restart == restarts - 1 else names[restart : restart + 1]:
                    assert (await rig.round(name)).error is None
                for name in names:
                    await rig.gateway.peers.find(read_channel_name(name))
        assert telegram.journal.count("contacts.resolveUsername") == 300
        assert telegram.journal.count("messages.getDialogs") == 0

    asyncio.run(go())


def test_only_so_many_names_are_resolved_within_an_hour(telegram: World, at: Served, data_dir: Path) -> None:
    names = [f"channel_{count:03}" for count in range(25)]
    for name in names:
        telegram.open_channel(name, name)
    moment = [Clock().now()]

    async def go() -> None:
        entries = {name: {"channel": name, "backfill": 1} for name in names}
        async with running(data_dir, at, entries, live=False, clock=Clock(now=lambda: moment[0])) as rig:
            ended = [(await rig.round(name)).error for name in names]
            assert [error is None for error in ended] == [True] * 20 + [False] * 5
            assert all(isinstance(error, Later) and error.obey for error in ended[20:])
            moment[0] += HOUR + SECOND
            assert (await rig.round(names[20])).error is None

    asyncio.run(go())


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ("SESSION_REVOKED", "session revoked"),
        ("AUTH_KEY_UNREGISTERED", "session ended"),
        ("USER_DEACTIVATED_BAN", "account banned"),
        ("duplicated", "session duplicated"),
        ("frozen", "account frozen"),
        ("forgotten", "session ended"),
    ],
)
def test_the_end_of_an_account_stops_every_call_until_somebody_signs_in_again(
    telegram: World, at: Served, data_dir: Path, how: str, state: str
) -> None:
    def end() -> None:
        match how:
            case "duplicated":
                telegram.accounts.duplicate_keys(PHONE)
            case "frozen":
                telegram.accounts.freeze(PHONE)
            case "forgotten":
                telegram.accounts.forget_keys()
                telegram.faults.cut()
            case "USER_DEACTIVATED_BAN":
                telegram.accounts.deactivate(PHONE)
            case _:
                telegram.accounts.end_sessions(PHONE, how)

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            end()
            if how == "frozen":  # it may still do what needs no channel
                await rig.round()
            await until(lambda: rig.account.status.dead, "the end of the account")
            assert rig.account.status.state == state
            assert rig.account.status.remedy
            await rig.collector.aclose()
            calls = len(telegram.journal.calls())
            for _ in range(5):
                found = await rig.round()
                assert isinstance(found.error, Never)
                assert found.error.state == state
            await asyncio.sleep(3 * QUICK.probe_every)
            assert len(telegram.journal.calls()) == calls
            told = "SELECT text FROM notices WHERE about = 'telegram account'"
            await until(lambda: rig.ask(told), "the notice")
            assert [state in text for (text,) in rig.ask(told)] == [True]
            if how in ("SESSION_REVOKED", "forgotten"):
                sign_in(telegram, at, data_dir)
                await until(lambda: rig.account.status.state == "connected", "the new session")
                await until(lambda: rig.row().state == "ok", "the source's return")

    asyncio.run(go())


def test_a_call_that_waited_for_another_is_not_made_once_the_account_is_at_its_end(
    telegram: World, at: Served, data_dir: Path
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            made = telegram.journal.count("messages.getHistory")
            telegram.faults.latency = 0.3
            telegram.accounts.end_sessions(PHONE, told=False)
            ended = await asyncio.gather(*(rig.round() for _ in range(4)))
            assert all(isinstance(one.error, Never) for one in ended)
            assert telegram.journal.count("messages.getHistory") == made + 1

    asyncio.run(go())


def test_a_sign_in_while_we_start_is_not_overlooked(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            telegram.accounts.end_sessions(PHONE)
            await until(lambda: rig.account.status.dead, "the end of the account")
        async with running(data_dir, at, ONE) as rig:
            await asyncio.sleep(0)  # it has begun, and asks the archive how the account stood
            sign_in(telegram, at, data_dir)
            await until(partial(in_state, rig, "connected"), "the new session")

    asyncio.run(go())


def test_a_key_that_telegram_forgot_is_told_in_a_sentence_and_no_traceback(
    telegram: World, at: Served, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.accounts.forget_keys()

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.account.status.dead, "the end of the account")
            await until(lambda: [said for said in rig.spoken if rig.account.status.reason in said], "the sentence")

    asyncio.run(go())
    gc.collect()  # asyncio tells of an error that nobody took when it is thrown away
    assert [said.getMessage() for said in caplog.records if said.levelname == "ERROR"] == []


def test_a_sign_in_at_the_moment_of_the_end_brings_the_account_back(
    telegram: World, at: Served, data_dir: Path
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().last_ok_at, "the first round")
            telegram.accounts.end_sessions(PHONE)
            await until(lambda: rig.ask("SELECT 1 FROM telegram_account WHERE state = 'session revoked'"), "the end")
            os.utime(sign_in(telegram, at, data_dir), (0, 0))  # coarse file times may lie before the end
            await until(lambda: rig.account.status.state == "connected", "the account")

    asyncio.run(go())


def test_a_dead_account_gives_way_to_the_public_pages_and_no_post_comes_twice(
    telegram: World, at: Served, data_dir: Path
) -> None:
    pages = Pages()
    pages.open_channel("border_post", "Border Post", numeric_id=1_500_000_001)
    link = types.MessageEntityUrl(8, 21)
    for text, entities in (("First words.", ()), ("Second: https://example.org/x 👍️", (link,)), ("Third.", ())):
        telegram.publish("border_post", text, entities=entities)
        pages.publish("border_post", text)

    telegram.publish("border_post", "Look.", file=photo())
    pages.publish("border_post", "Look.", attachments=[WorldFile("photo", "map.jpg")])
    telegram.publish("border_post", file=File("voice", b"OggS", seconds=44))
    pages.publish("border_post", attachments=[WorldFile("voice", "voice.ogg", duration="0:44")])
    telegram.publish("border_post", file=File("document", b"%PDF", name="order.pdf"))
    pages.publish("border_post", attachments=[WorldFile("document", name="order.pdf", size="4 B")])
    telegram.publish_album("border_post", [photo(), photo()], "Two pictures.")
    pages.publish(
        "border_post", "Two pictures.", attachments=[WorldFile("photo", "a.jpg"), WorldFile("photo", "b.jpg")]
    )
    telegram.publish("border_post", poll=Poll("Who?", ("We", "They")))
    pages.publish("border_post", poll=PagePoll("Who?", ("We", "They")))
    first = telegram.publish("border_post", "An answer follows.")
    pages.publish("border_post", "An answer follows.")
    telegram.publish("border_post", "The answer.", reply_to=first)
    pages.publish("border_post", "The answer.", reply_to=first)

    async def go(address: str) -> None:
        port = int(address.rpartition(":")[2])
        assert max(telegram.visible("border_post")) == max(pages.shown("border_post") | pages.visible("border_post"))
        entry = {"post": {"channel": "@border_post", "fallback": "telegram_web", "base_url": address}}
        async with running(data_dir, at, entry, web=("127.0.0.1", port)) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            before = rig.ask("SELECT native_id, revision FROM posts ORDER BY id")
            telegram.accounts.end_sessions(PHONE)
            await until(lambda: rig.account.status.dead, "the end of the account")
            same = await rig.round()
            assert (same.error, same.new, same.revised) == (None, 0, 0)
            fourth = pages.publish("border_post", "Fourth, by the pages.")
            telegram.publish("border_post", "Fourth, by the pages.")
            found = await rig.round()
            assert found.error is None
            assert "public pages" in (rig.row().reason or "")
            assert rig.ask("SELECT native_id, revision FROM posts ORDER BY id")[: len(before)] == before
            assert rig.ask(
                "SELECT r.method FROM revisions r JOIN posts p ON p.id = r.post_id WHERE p.native_id = :n",
                n=str(fourth),
            ) == [("telegram_web",)]
            sign_in(telegram, at, data_dir)
            await until(lambda: rig.account.status.state == "connected", "the new session")
            back = await rig.round()
            assert (back.error, back.new, back.revised) == (None, 0, 0)

    with pages_in_thread(pages) as address:
        asyncio.run(go(address))


def test_a_server_that_says_nothing_is_given_up_and_built_anew(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.faults.black_hole = True
            missed = telegram.publish("border_post", "Said into the dark.")
            await until(lambda: rig.account.status.state != "connected", "the loss to be noticed")
            telegram.faults.heal()
            await until(lambda: rig.account.status.state == "connected", "a new connection")
            await until(lambda: missed in numbers(rig), "what was missed")

    asyncio.run(go())


def test_a_cut_connection_is_built_anew_and_everything_is_asked(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            for how in HOWS:
                telegram.faults.swallow_pushes = True
                missed = telegram.publish("border_post", f"Missed by a {how}.")
                telegram.faults.swallow_pushes = False
                telegram.faults.cut(how)
                await until(partial(arrived, rig, missed), "what was not pushed")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault("messages.getHistory", unknown=True), "client outdated"),
        (Fault("messages.getHistory", error=(400, "CHANNEL_PRIVATE")), "private"),
        (Fault("messages.getHistory", swallow=True), "no answer"),
        (Fault("messages.getHistory", error=(500, "INTERNAL"), times=3), "failing"),
    ],
)
def test_a_fault_is_a_state_of_the_source_and_heals(
    telegram: World, at: Served, data_dir: Path, fault: Fault, state: str
) -> None:
    async def go() -> None:
        async with running(
            data_dir, at, ONE, live=False, patience=Patience(call=5 if state == "failing" else 0.6)
        ) as rig:
            await rig.round()
            telegram.faults.suffer(fault)
            found = await rig.round()
            assert found.error is not None
            assert found.error.state == state
            telegram.faults.heal()
            await make_due(rig)
            assert (await rig.round()).error is None

    asyncio.run(go())


def test_a_renamed_channel_is_followed_by_its_number_and_told(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.rename("border_post", "border_news")
            number = telegram.publish("border_news", "Under a new name.")
            found = await rig.round()
            assert number in numbers(rig)
            [(name,)] = rig.ask("SELECT handle FROM sources")
            assert (name, found.error) == ("border_news", None)

    asyncio.run(go())


def test_a_name_that_another_channel_took_stops_the_source(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.squat("border_post", "Squatters")
            await rig.store.run(lambda writer: writer.execute("DELETE FROM telegram_peers"))
        async with running(data_dir, at, ONE, live=False) as rig:
            found = await rig.round()
            assert isinstance(found.error, Never)
            assert found.error.state == "renamed"

    asyncio.run(go())


def test_nothing_goes_past_a_proxy_that_does_not_work(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        for proxy in ("socks5://127.0.0.1:1", "http://127.0.0.1:1", f"mtproxy://{'ab' * 16}@127.0.0.1:1"):
            async with running(data_dir, at, ONE, proxy=proxy) as rig:
                await until(partial(in_state, rig, "proxy down"), "the refusal")
                found = await rig.round()
                assert found.error is not None
        assert telegram.journal.calls() == ()

    asyncio.run(go())


def test_a_channel_by_number_and_by_invitation(telegram: World, at: Served, data_dir: Path) -> None:
    number = telegram.open_channel(None, "Closed", members=[PHONE], private=True, invite="AbCdEfGhIjKlMnOp")
    telegram.publish(number, "Inside.")
    entries = {
        "one": {"channel": str(number), "backfill": "all"},
        "two": {"channel": "https://t.me/+AbCdEfGhIjKlMnOp", "backfill": "all"},
        "three": {"channel": "https://t.me/+ZZZZZZZZZZZZZZZZ"},
    }

    async def go() -> None:
        async with running(data_dir, at, entries, live=False) as rig:
            assert (await rig.round("one")).new == 2
            assert (await rig.round("two")).new == 2
            assert isinstance((await rig.round("three")).error, Never)

    asyncio.run(go())


def test_a_short_poll_rings_for_a_channel_that_was_not_joined(telegram: World, at: Served, data_dir: Path) -> None:
    telegram.open_channel("not_joined", "Not joined")
    entries = {"post": {"channel": "@not_joined", "mode": "short", "backfill": "all"}}

    async def go() -> None:
        async with running(data_dir, at, entries) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            await until(lambda: telegram.journal.count("updates.getChannelDifference"), "the first short poll")
            number = telegram.publish("not_joined", "Heard all the same.")
            await until(lambda: number in numbers(rig), "the post")

    asyncio.run(go())


def test_a_request_to_join_is_carried_out_and_answered(telegram: World, at: Served, data_dir: Path) -> None:
    telegram.open_channel("not_joined", "Not joined")
    entries = {"post": {"channel": "@not_joined", "backfill": "all"}}

    async def go() -> None:
        async with running(data_dir, at, entries) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            asked = await rig.store.run(account_rows.file_request, "join", "post", Clock().now())
            await until(lambda: rig.ask("SELECT 1 FROM telegram_requests WHERE done_at IS NOT NULL"), "the answer")
            with rig.archive.reading() as reader:
                assert account_rows.read_request(reader, asked).outcome == "ok"
            number = telegram.publish("not_joined", "Pushed now.")
            await until(lambda: number in numbers(rig), "the push")
            await until(lambda: rig.ask("SELECT mode FROM telegram_watches") == [("push",)], "the mode")

    asyncio.run(go())


def carried(rig: Rig, url: str) -> "asyncio.Future[bytes]":
    async def go() -> bytes:
        pieces: list[bytes] = []
        source = rig.sources["post"]
        assert isinstance(source, Carrier)
        assert source.carries(url)
        await source.carry(url, pieces.append, 64 << 20)
        return b"".join(pieces)

    return asyncio.ensure_future(go())


def test_files_come_whole_byte_for_byte(telegram: World, at: Served, data_dir: Path) -> None:
    data = bytes(range(256)) * 5_000  # two whole pieces and a part
    number = telegram.publish("border_post", "Listen.", file=File("audio", data, name="statement.mp3"))
    far = telegram.publish("border_post", "Afar.", file=File("video", data, dc=telegram.dcs[-1]))
    picture = telegram.publish("border_post", "Look.", file=File("photo", b"\xff\xd8" + data[:9_000]))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            urls = dict(rig.ask("SELECT p.number, m.url FROM media m JOIN posts p ON p.id = m.post_id"))
            assert await carried(rig, urls[number]) == data
            assert await carried(rig, urls[far]) == data
            assert await carried(rig, urls[picture]) == b"\xff\xd8" + data[:9_000]
            telegram.faults.suffer(Fault("upload.getFile", error=(400, "FILE_REFERENCE_EXPIRED"), after=1))
            assert await carried(rig, urls[number]) == data
            source = rig.sources["post"]
            assert isinstance(source, Carrier)
            with pytest.raises(Later) as raised:
                await source.carry(urls[number], lambda _: None, 1000)
            assert raised.value.state == TOO_BIG

    asyncio.run(go())


def test_a_file_is_not_given_up_because_one_look_showed_nothing(telegram: World, at: Served, data_dir: Path) -> None:
    number = telegram.publish("border_post", "Listen.", file=File("voice", b"OggS" * 100))
    telegram.publish("border_post", "And read.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            [(url,)] = rig.ask("SELECT url FROM media")
            telegram.faults.blind_lookups = True
            with pytest.raises(Later):
                await carried(rig, url)
            telegram.faults.heal()
            assert await carried(rig, url) == b"OggS" * 100
            telegram.delete("border_post", number)
            with pytest.raises(Never):
                await carried(rig, url)

    asyncio.run(go())


def test_an_hour_of_flooded_files_delays_no_text_and_then_they_all_come(
    telegram: World, at: Served, data_dir: Path
) -> None:
    ahead = [0]
    clock = Clock(now=lambda: Clock().now() + ahead[0])
    data = {telegram.publish("border_post", file=File("voice", b"OggS" * n)): b"OggS" * n for n in range(1, 7)}

    async def go() -> None:
        telegram.faults.flood("upload.getFile", 3600, kind="FLOOD_PREMIUM")
        async with running(data_dir, at, ONE, lane=True, clock=clock) as rig:
            assert rig.lane is not None
            await until(lambda: rig.ask("SELECT 1 FROM telegram_waits"), "the flood")
            for _ in range(6):
                ahead[0] += 9 * MINUTE
                after = telegram.publish("border_post", "The text goes on.")
                await until(partial(arrived, rig, after), "the text")
                await rig.lane.drain(clock.now())
            assert telegram.journal.count("upload.getFile") == 1
            telegram.faults.heal()
            ahead[0] += 10 * MINUTE  # by our clock the hour is over, whatever another one says
            await rig.lane.drain(clock.now())
            stored = dict(rig.ask("SELECT p.number, m.path FROM media m JOIN posts p ON p.id = m.post_id"))
            assert {number: (data_dir / stored[number]).read_bytes() for number in data} == data

    asyncio.run(go())


def test_files_that_do_not_come_delay_no_text(telegram: World, at: Served, data_dir: Path) -> None:
    for count in range(1, 7):
        telegram.publish("border_post", file=File("voice", b"OggS" * count))
    telegram.faults.suffer(Fault("upload.getFile", swallow=True, times=None))

    async def go() -> None:
        async with running(data_dir, at, ONE, lane=True, patience=replace(QUICK, lane=60, misses=1_000)) as rig:
            await until(lambda: telegram.journal.count("upload.getFile"), "a file under way")
            for _ in range(3):
                after = telegram.publish("border_post", "The text goes on.")
                await until(partial(arrived, rig, after), "the text")
            assert rig.ask("SELECT DISTINCT state FROM media") == [("pending",)]

    asyncio.run(go())

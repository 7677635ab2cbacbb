"""The states of a channel: renamed, squatted, shut, withheld; how it is watched, what stands in, looking again."""

import asyncio
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.clock import DAY, MINUTE, SECOND, Clock
from bot.contracts.source import Want
from bot.errors import Later, Never
from bot.world import Faults as PageFaults
from bot.world import World as Pages
from bot.world import run_in_thread as pages_in_thread
from storage.posts import rechecks
from tests.telegram.daemon_process import Station
from tests.telegram.in_process import PHONE, QUICK, Rig, make_due, running, until
from tests.telegram_world import Fault, File, Served, World

ONE = {"post": {"channel": "@border_post", "backfill": "all"}}


def rounds(station: Station, name: str) -> int:
    statement = "SELECT coalesce(sum(r.rounds), 0) FROM runs r JOIN sources s ON s.id = r.source_id WHERE s.name = :n"
    return int((station.ask(statement, n=name) or [(0,)])[0][0])


def more_rounds(station: Station, name: str, seen: int) -> bool:
    return rounds(station, name) > seen


def has_posts(station: Station, name: str, count: int) -> bool:
    return len(station.texts(name)) == count


def in_state(station: Station, name: str, state: str) -> bool:
    return station.state(name) == state


def watched(station: Station, name: str, mode: str) -> bool:
    return station.mode(name) == mode


def told(rig: Rig, about: str = "source post") -> list[str]:
    return [row[0] for row in rig.ask("SELECT text FROM notices WHERE about = :about ORDER BY id", about=about)]


# What becomes of a channel --------------------------------------------------------------------------------------------


def test_a_renamed_channel_goes_on_under_its_number_with_one_notice(station: Station) -> None:
    station.telegram.open_channel("river_guard", "River Guard")
    channels = {"post": "border_post", "alone": "river_guard"}
    station.configure(post={"channel": "@border_post"}, alone={"channel": "@river_guard", "fallback": "none"})
    station.start()
    station.until(lambda: station.state() == station.state("alone") == "ok", "first contact")
    for name, handle in channels.items():
        station.telegram.rename(handle, f"{handle}_news")
        station.telegram.publish(f"{handle}_news", "Under the new name.")
        station.until(partial(has_posts, station, name, 1), "the post under the new name")
        seen = rounds(station, name)
        station.until(partial(more_rounds, station, name, seen), "another round")
        station.until(partial(station.notices, f"source {name}"), "the notice")
        [notice] = station.notices(f"source {name}")
        assert f"is called @{handle}_news now, was @{handle}" in notice
        assert notice in station.desk.said()
        assert (station.listed(name)["state"], station.listed(name)["handle"]) == ("ok", f"{handle}_news")
    station.stop()
    assert station.desk.run("sources", "check", "post").returncode == 0
    assert station.telegram.journal.count("contacts.resolveUsername") == 2


def test_the_first_page_after_a_renaming_has_the_new_address(telegram: World, at: Served, data_dir: Path) -> None:
    telegram.publish("border_post", "Before.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.rename("border_post", "border_post_news")
            telegram.publish("border_post_news", "After.")
            await rig.round()
            urls = [url for (url,) in rig.ask("SELECT url FROM posts ORDER BY number")]
            assert urls[-2:] == ["https://t.me/border_post/2", "https://t.me/border_post_news/3"]

    asyncio.run(go())


def test_a_long_history_is_fetched_slowly_and_delays_no_other_channel(
    telegram: World, at: Served, data_dir: Path
) -> None:
    telegram.open_channel("river_guard", "River Guard", members=[PHONE])
    for number in range(600):
        telegram.publish("border_post", f"Old {number}.", silent=True)
    entries = {**ONE, "river": {"channel": "@river_guard", "backfill": "all"}}
    patience = replace(QUICK, history=(2, 3_600.0))

    async def go() -> None:
        async with running(data_dir, at, entries, live=False, patience=patience) as rig:
            walk = asyncio.create_task(rig.round())
            await until(lambda: len(rig.ask("SELECT id FROM posts")) >= 300, "three pages: the newest and two below it")
            telegram.publish("river_guard", "New.")
            assert (await rig.round("river")).error is None
            assert rig.ask("SELECT 1 FROM revisions_readable WHERE text = 'New.'")
            asked = telegram.journal.count("messages.getHistory")
            assert telegram.journal.count("messages.getHistory") == asked == 4
            walk.cancel()
            await asyncio.gather(walk, return_exceptions=True)

    asyncio.run(go())


def test_a_channel_that_shuts_us_out_is_said_once_kept_and_polled_again_within_minutes(station: Station) -> None:
    station.telegram.publish("border_post", "Kept.")
    station.pages.publish("border_post", "Kept.")
    station.configure(post={"channel": "@border_post", "fallback": "none"}, both={"channel": "@border_post"})
    station.start()
    station.until(lambda: station.state() == station.state("both") == "ok", "first contact")
    station.telegram.make_private("border_post")
    station.until(lambda: station.state() == "private", "the state")
    station.until(lambda: station.mode("both") == "public pages", "the other way")
    asked = station.telegram.journal.count("messages.getHistory")
    station.pages.publish("border_post", "By the pages.")
    station.until(partial(has_posts, station, "both", 2), "what the pages show")
    seen = rounds(station, "both")
    station.until(partial(more_rounds, station, "both", seen), "another round by the pages")
    assert station.telegram.journal.count("messages.getHistory") == asked, "it is asked all the time"
    [gone] = station.notices()
    assert gone.startswith("source post: private (the channel is private or deleted")
    assert gone in station.owed()
    [told] = station.notices("source both")
    assert "the public pages are used instead" in told
    row, both = station.listed(), station.listed("both")
    assert (row["mode"], row["stands_in"], row["posts"], row["deleted"]) == ("nothing", None, 2, 0)
    assert (both["mode"], both["stands_in"], both["state"]) == ("public pages", "public pages", "ok")
    [(due,)] = station.ask("SELECT next_poll_at - state_since FROM sources WHERE name = 'post'")
    assert 0 < due <= 5 * MINUTE, "one refusal decides nothing that lasts"
    assert "the channel is private or deleted" in station.desk.run("sources", "check", "post", code=1).stderr
    assert station.texts() == ["Kept."]


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("CHANNEL_PRIVATE", "private"), ("CHANNEL_INVALID", "deleted"), ("CHANNEL_BANNED", "banned"),
        ("USER_BANNED_IN_CHANNEL", "banned"), ("CHAT_RESTRICTED", "restricted"), ("CHAT_ADMIN_REQUIRED", "private"),
    ],
)  # fmt: skip
def test_each_way_of_being_shut_out_is_a_state_with_one_notice_and_heals(
    telegram: World, at: Served, data_dir: Path, name: str, state: str
) -> None:
    kept = telegram.publish("border_post", "Kept.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.faults.suffer(Fault("messages.getHistory", error=(400, name), times=None))
            for _ in range(5):
                assert isinstance((await rig.round()).error, Later)
            assert rig.row().state == state
            assert DAY * 3 // 4 < rig.row().next_poll_at - Clock().now() <= DAY, "ever less often, at last once a day"
            assert len(told(rig)) == 1
            assert rig.ask("SELECT deleted_at FROM posts WHERE number = :n", n=kept) == [(None,)]
            telegram.faults.heal()
            assert (await rig.round()).error is None
            assert len(told(rig)) == 2

    asyncio.run(go())


def test_a_channel_that_opens_again_is_asked_at_once_if_telegram_says_so_and_told(station: Station) -> None:
    station.telegram.join("border_post", PHONE)
    station.configure(post={"channel": "@border_post"})
    station.start()
    station.until(lambda: station.state() == "ok", "first contact")
    station.telegram.ban("border_post", PHONE)
    station.until(station.notices, "the notice")
    station.telegram.channel("border_post").banned.clear()
    station.telegram.join("border_post", PHONE)
    station.telegram.rename("border_post", "border_post")  # says that something about the channel has changed
    station.until(lambda: len(station.notices()) == 2, "the return")
    assert "the account reads the channel again (was: private" in station.notices()[1]
    number = station.telegram.publish("border_post", "By the account.")
    station.until(lambda: station.ask("SELECT 1 FROM posts WHERE number = :n", n=number), "the post")
    station.until(lambda: station.mode() == "push", "the mode")
    assert station.listed()["reason"] is None


def test_a_squatter_is_never_collected_from_and_vouches_for_no_deletion(station: Station) -> None:
    numbers = [station.telegram.publish("border_post", f"Ours {count}.") for count in range(3)]
    for count in range(3):
        station.pages.publish("border_post", f"Ours {count}.")
    station.configure(post={"channel": "@border_post"}, alone={"channel": "@border_post", "fallback": "none"})
    station.desk.run("run", "--once")
    squatter = station.telegram.squat("border_post", "Squatters")
    station.telegram.publish(squatter, "Theirs.")
    with station.desk.archive as archive, archive.writing() as writer:
        writer.execute("DELETE FROM telegram_peers")  # as for an account that has never seen the channel
        for name in ("post", "alone"):
            rechecks.recheck_reported(writer, name, [str(number) for number in numbers], Clock().now())
    for _ in range(4):  # one odd answer decides nothing that lasts
        station.desk.run("run", "--once", code=5)
    last = station.desk.run("run", "--once", code=None).stderr
    for name in ("post", "alone"):  # stopped, or looked at once more because the account has just connected
        assert f"{name}: skipped, stopped (renamed)" in last or f"{name}: 0 new, 0 edited, 0 known, the name" in last
    for name in ("post", "alone"):
        assert station.texts(name) == ["Ours 0.", "Ours 1.", "Ours 2."]
        [notice] = station.notices(f"source {name}")
        assert "renamed" in notice
        row = station.listed(name)
        assert row["state"] == "renamed"
        assert str(squatter) in row["reason"]
        assert "to follow the new owner: communique sources accept" in row["reason"]
        refused = station.desk.run("sources", "check", name, code=5)
        assert "now belongs to channel" in refused.stderr
    assert station.ask("SELECT count(*) FROM observations WHERE presence = 'absent'") == [(0,)]


def test_pages_under_a_name_that_moved_never_stand_in_and_another_sign_in_heals_it(station: Station) -> None:
    station.telegram.publish("border_post", "Ours.")
    station.configure(post={"channel": "@border_post"})
    station.start()
    station.until(lambda: station.state() == "ok", "first contact")
    station.pages.publish("border_post", "Theirs.")
    station.pages.set_faults("border_post", PageFaults(moved_to=1_700_999_999))
    station.telegram.accounts.end_sessions(PHONE)
    station.until(lambda: station.state() == "renamed", "the stop")
    assert station.texts() == ["Ours."]
    station.sign_in()
    station.until(lambda: station.state() == "ok", "the account, which knows the channel by its number")
    began, ended = station.notices()
    assert began.startswith("source post: renamed (")
    assert ended.startswith("source post recovered after ")
    assert ended.endswith(" (renamed)")


def test_another_account_finds_a_renamed_channel_by_its_last_name(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.rename("border_post", "border_news")
            await rig.round()
            await rig.store.run(lambda writer: writer.execute("UPDATE telegram_peers SET account = 'before'"))
        async with running(data_dir, at, ONE, live=False) as rig:
            number = telegram.publish("border_news", "Found.")
            assert (await rig.round()).error is None
            assert rig.ask("SELECT 1 FROM posts WHERE number = :n", n=number)

    asyncio.run(go())


def test_a_name_that_comes_back_is_found_by_asking_once_a_day(telegram: World, at: Served, data_dir: Path) -> None:
    moment = [Clock().monotonic()]

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            squatter = telegram.squat("border_post", "Squatters")
            ours = next(one.id for one in telegram.channels() if one.id != squatter)
            await rig.store.run(lambda writer: writer.execute("DELETE FROM telegram_peers"))
        clock = Clock(monotonic=lambda: moment[0])
        async with running(data_dir, at, ONE, live=False, clock=clock) as rig:
            for _ in range(5):
                assert isinstance((await rig.round()).error, Never)
            assert telegram.journal.count("contacts.resolveUsername") == 3
            telegram.rename(squatter, None)
            telegram.rename(ours, "border_post")
            assert isinstance((await rig.round()).error, Never)
            moment[0] += DAY / SECOND + 1  # a sum of floats may lie a little below
            assert (await rig.round()).error is None
            assert telegram.journal.count("contacts.resolveUsername") == 4

    asyncio.run(go())


# What Telegram withholds ----------------------------------------------------------------------------------------------


def test_a_withheld_channel_is_restricted_and_never_without_posts(telegram: World, at: Served, data_dir: Path) -> None:
    kept = telegram.publish("border_post", "Before.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.restrict("border_post", "This channel can't be displayed.")
            missed = telegram.publish("border_post", "Said behind the curtain.")
            found = await rig.round()
            assert isinstance(found.error, Later)
            assert rig.row().state == "restricted"
            assert "This channel can't be displayed." in rig.row().reason
            assert "everywhere" in rig.row().reason
            assert 0 < rig.row().next_poll_at - Clock().now() <= 5 * MINUTE
            assert rig.ask("SELECT max(number) FROM posts") == [(kept,)]
            assert rig.ask("SELECT count(*) FROM quarantine") == [(0,)]
            assert rig.ask("SELECT count(*) FROM revisions_readable WHERE text = ''") == [(0,)]
            telegram.restrict("border_post", None)
            await make_due(rig)
            rig.sources["post"].ask_account_again()  # type: ignore[attr-defined]  # as Live does
            assert (await rig.round()).error is None
            assert rig.ask("SELECT max(number) FROM posts") == [(missed,)]

    asyncio.run(go())


def test_a_channel_that_is_withheld_while_we_are_far_behind_is_not_taken_for_empty(
    telegram: World, at: Served, data_dir: Path
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            for count in range(250):
                telegram.publish("border_post", f"Missed {count}.")
            source = rig.sources["post"]
            first = await source.fetch(Want(), rig.row().cursor)
            assert first.more
            telegram.restrict("border_post", "Not here.")
            with pytest.raises(Later):
                await source.fetch(Want(), first.cursor)
            telegram.restrict("border_post", None)
            rig.sources["post"].ask_account_again()  # type: ignore[attr-defined]  # as Live does
            assert (await rig.round()).new == 250
            assert rig.open_gaps() == []

    asyncio.run(go())


def test_a_restriction_that_hides_nothing_is_written_beside_the_state(
    telegram: World, at: Served, data_dir: Path
) -> None:
    telegram.restrict("border_post", "Not shown on some telephones.", withheld=False)
    telegram.publish("border_post", "Readable.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            assert (await rig.round()).error is None
            assert rig.row().state == "ok"
            assert "Not shown on some telephones." in rig.row().reason
            assert rig.ask("SELECT text FROM revisions_readable WHERE text = 'Readable.'")

    asyncio.run(go())


def test_an_empty_message_is_no_post(telegram: World, at: Served, data_dir: Path) -> None:
    hidden = telegram.publish("border_post", "", noforwards=True)
    withheld = telegram.publish("border_post", "", restricted="Removed at a court's request.")
    telegram.publish("border_post", "Words.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            assert {row[0] for row in rig.ask("SELECT native_id FROM quarantine")} == {str(hidden), str(withheld)}
            reasons = " ".join(row[0] for row in rig.ask("SELECT reason FROM quarantine"))
            assert "Removed at a court's request." in reasons
            assert "the message is empty" in reasons
            assert rig.ask("SELECT count(*) FROM revisions_readable WHERE text = ''") == [(0,)]

    asyncio.run(go())


def test_many_channels_by_number_cost_one_list_of_dialogs(telegram: World, at: Served, data_dir: Path) -> None:
    numbers = [telegram.open_channel(None, f"Closed {count}", members=[PHONE], private=True) for count in range(30)]
    entries = {f"s{number}": {"channel": str(number), "backfill": 1} for number in (*numbers, 1, 2, 3)}

    async def go() -> None:
        async with running(data_dir, at, entries, live=False) as rig:
            ended = await asyncio.gather(*(rig.round(name) for name in entries))
            assert [found.error for found in ended[:30]] == [None] * 30
            assert [type(found.error) for found in ended[30:]] == [Never] * 3
            assert telegram.journal.count("messages.getDialogs") == 1

    asyncio.run(go())


# What stands in -------------------------------------------------------------------------------------------------------


def test_a_channel_that_was_written_by_its_number_gives_way_to_the_pages_of_its_public_name(station: Station) -> None:
    number = station.telegram.channel("border_post").id
    station.telegram.join(number, PHONE)
    station.telegram.open_channel(None, "Closed", members=[PHONE], private=True, invite="AbCdEfGhIjKlMnOp")
    station.configure(
        by_number={"channel": str(number)}, by_link={"channel": f"https://t.me/c/{number}/1"},
        by_invitation={"channel": "https://t.me/+AbCdEfGhIjKlMnOp"},
    )  # fmt: skip
    told = station.desk.run("sources", "list").stderr
    assert told.count("the channel's public name is unknown") == 3
    station.start()
    for name in ("by_number", "by_link", "by_invitation"):
        station.until(partial(in_state, station, name, "ok"), name)
    told = station.desk.run("sources", "list").stderr
    assert told.count("the channel's public name is unknown") == 1
    station.telegram.accounts.end_sessions(PHONE)
    station.pages.publish("border_post", "By the pages.")
    for name in ("by_number", "by_link"):
        station.until(partial(has_posts, station, name, 1), name)
        station.until(partial(watched, station, name, "public pages"), "the mode")
    station.until(lambda: station.state("by_invitation") == "session revoked", "the source without another way")
    row = station.listed("by_invitation")
    assert (row["mode"], row["stands_in"]) == ("nothing", "nothing")
    assert "the channel's public name is unknown" in row["reason"]
    station.stop()
    (station.desk.directory / "data" / "state" / "telegram.session").unlink()
    station.start()  # nobody is signed in, and still it is known what an account learnt
    more = station.pages.publish("border_post", "After a restart.")
    station.until(lambda: station.ask("SELECT 1 FROM posts WHERE number = :n", n=more), "the pages")


def test_the_pages_are_asked_by_the_name_that_the_channel_has_now(telegram: World, at: Served, data_dir: Path) -> None:
    pages = Pages()
    pages.open_channel("border_news", "Border Post", numeric_id=1_500_000_001)

    async def go(address: str) -> None:
        entry = {"post": {"channel": "@border_post", "fallback": "telegram_web", "base_url": address}}
        port = int(address.rpartition(":")[2])
        async with running(data_dir, at, entry, live=False, web=("127.0.0.1", port)) as rig:
            await rig.round()
            telegram.rename("border_post", "border_news")
            await rig.round()
            telegram.accounts.end_sessions(PHONE)
            await until(lambda: rig.account.status.dead, "the end of the account")
            number = pages.publish("border_news", "By the pages.")
            assert (await rig.round()).error is None
            assert rig.ask("SELECT 1 FROM posts WHERE number = :n", n=number)

    with pages_in_thread(pages) as address:
        asyncio.run(go(address))


# How a channel is watched ---------------------------------------------------------------------------------------------


def test_the_list_shows_how_each_source_is_watched_and_how_far_it_lags(station: Station) -> None:
    station.telegram.open_channel("pushed", "Pushed", members=[PHONE])
    for name in ("polled", "shortly", "unheard"):
        station.telegram.open_channel(name, name)
    station.configure(
        pushed={"channel": "@pushed"}, polled={"channel": "@polled"}, shortly={"channel": "@shortly", "mode": "short"},
        wished={"channel": "@polled", "mode": "push"}, deaf={"channel": "@pushed", "live": False},
    )  # fmt: skip
    station.start()
    modes = {"pushed": "push", "polled": "history poll", "shortly": "short poll", "wished": "history poll",
             "deaf": "history poll"}  # fmt: skip
    station.until(lambda: dict(station.ask("SELECT source, mode FROM telegram_watches")) == modes, "the modes")
    station.until(lambda: all(station.state(name) == "ok" for name in modes), "first contact")
    assert station.listed("pushed")["lag_s"] is None, "what stood there before us tells nothing of our lag"
    last = station.telegram.publish("pushed", "Now.")
    station.until(lambda: station.texts("pushed") == ["Now."], "the push")
    station.telegram.faults.flood("channels.getMessages", 300)
    with station.desk.archive as archive, archive.writing() as writer:
        rechecks.recheck_reported(writer, "pushed", [str(last)], Clock().now())
    station.until(lambda: station.ask("SELECT 1 FROM telegram_waits"), "the wait")
    row = station.listed("pushed")
    assert (row["mode"], row["state"], row["high_water"], row["account"]) == ("push", "ok", last, "connected")
    assert 0 <= row["lag_s"] < 10
    [wait] = row["flood_waits"]
    assert wait["method"] == "channels.getMessages"
    assert wait["until"].endswith("Z")
    shown = station.desk.run("sources", "list")
    cells = {line.split("\t")[0]: line.split("\t") for line in shown.stdout.splitlines()}
    assert {name: cells[name][2] for name in modes} == modes
    assert (cells["pushed"][3], cells["pushed"][6]) == ("ok", str(last))
    assert cells["pushed"][5].endswith(" s")
    assert "telegram: rate-limited, channels.getMessages waits until" in shown.stderr
    assert "telegram account: connected" in shown.stderr
    assert "rate-limited: channels.getMessages until" in station.desk.run("status").stdout
    assert "wished: the account has not joined the channel, so nothing is pushed" in station.desk.said()
    station.telegram.faults.swallow_pushes = True
    unheard = station.telegram.publish("pushed", "Nobody pushes this.")
    station.until(lambda: station.ask("SELECT 1 FROM posts WHERE number = :n", n=unheard), "the next round")


def test_an_account_that_may_join_no_more_channels_says_so_and_the_rest_is_polled(station: Station) -> None:
    station.telegram.accounts.account(PHONE).channels_most = 1
    station.telegram.open_channel("second", "Second")
    station.configure(post={"channel": "@border_post", "mode": "push"}, second={"channel": "@second", "mode": "push"})
    station.start()
    station.until(lambda: station.state() == station.state("second") == "ok", "first contact")
    assert station.desk.run("sources", "join", "post").returncode == 0
    refused = station.desk.run("sources", "join", "second", code=5)
    assert "as many channels as Telegram allows" in refused.stderr
    station.until(lambda: station.mode() == "push", "the mode of what was joined")
    assert station.mode("second") == "history poll"
    number = station.telegram.publish("second", "Polled.")
    station.until(lambda: station.ask("SELECT 1 FROM posts WHERE number = :n", n=number), "the post")


def test_five_hundred_and_one_pushed_sources_are_told_that_some_will_be_polled(station: Station) -> None:
    for mode in ("push", "auto"):
        sources = {f"s{count}": {"channel": f"@channel_{count}", "mode": mode} for count in range(501)}
        station.configure(**sources)
        checked = station.desk.run("config", "check")
        told = checked.stdout + checked.stderr
        assert "501 sources use push" in told
        assert "500 channels" in told


def test_eleven_short_polls_are_refused_with_the_reason(station: Station) -> None:
    station.configure(**{f"s{count}": {"channel": f"@channel_{count}", "mode": "short"} for count in range(11)})
    for words in (("config", "check"), ("run", "--once"), ("run",)):
        refused = station.desk.run(*words, code=4)
        assert "at most 10 channels" in refused.stdout + refused.stderr
        assert "config.toml:" in refused.stdout + refused.stderr


# Looking again --------------------------------------------------------------------------------------------------------


def test_many_posts_are_looked_at_again_in_one_call(telegram: World, at: Served, data_dir: Path) -> None:
    plain = [telegram.publish("border_post", f"Post {count}") for count in range(80)]
    album = telegram.publish_album("border_post", [File("photo", b"\xff\xd8")] * 3, "Three pictures.", at=1)
    telegram.publish("border_post", "The end.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.edit("border_post", plain[3], "Corrected.", silent=True)
            telegram.delete("border_post", plain[7], silent=True)
            looked = [str(number) for number in (*plain, album[0])]
            await rig.store.run(rechecks.recheck_reported, "post", looked, Clock().now())
            assert await rig.checked() == len(looked)
            assert telegram.journal.count("channels.getMessages") == 2, "one for all of them, one for the album's parts"
            assert rig.ask("SELECT count(*) FROM observations WHERE presence = 'present'") == [(len(looked) - 1,)]
            assert rig.ask(
                "SELECT p.number FROM observations o JOIN posts p ON p.id = o.post_id WHERE presence = 'absent'"
            ) == [(plain[7],)]
            assert rig.ask(
                "SELECT p.number FROM revisions_readable r JOIN posts p ON p.id = r.post_id WHERE r.text = 'Corrected.'"
            ) == [(plain[3],)]

    asyncio.run(go())


def test_a_post_on_which_looking_breaks_keeps_no_other_waiting(telegram: World, at: Served, data_dir: Path) -> None:
    numbers = [telegram.publish("border_post", f"Post {count}") for count in range(5)]

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            broken = await rig.store.run(
                lambda writer: (
                    writer.execute("UPDATE posts SET native_id = 'odd' WHERE number = :n", {"n": numbers[2]}).rowcount
                )
            )
            assert broken == 1
            wanted = [str(number) for number in numbers if number != numbers[2]]
            await rig.store.run(rechecks.recheck_reported, "post", [*wanted, "odd"], Clock().now())
            await rig.checked()
            assert rig.ask("SELECT count(*) FROM observations WHERE presence = 'present'") == [(4,)]
            assert rig.ask("SELECT count(*) FROM jobs WHERE kind = 'recheck' AND attempts = 1") == [(1,)]

    asyncio.run(go())


def test_a_flood_wait_of_looking_again_puts_all_of_them_off(telegram: World, at: Served, data_dir: Path) -> None:
    numbers = [telegram.publish("border_post", f"Post {count}") for count in range(5)]

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.faults.flood("channels.getMessages", 60)
            await rig.store.run(rechecks.recheck_reported, "post", [str(number) for number in numbers], Clock().now())
            assert await rig.checked() == 0
            [(due,)] = rig.ask("SELECT DISTINCT due_at FROM jobs WHERE slot = 'reported'")
            assert due - Clock().now() > 50 * SECOND
            assert await rig.checked() == 0
            assert telegram.faults.broken_waits == []

    asyncio.run(go())


# Asked by hand --------------------------------------------------------------------------------------------------------


def test_check_says_something_sensible_of_every_source_with_a_daemon_and_without(station: Station) -> None:
    station.configure(
        post={"channel": "@border_post", "fallback": "none"}, off={"channel": "@border_post", "enabled": False},
        nobody={"channel": "@nobody_here", "fallback": "none"},
    )  # fmt: skip

    def asked() -> None:
        assert "ok “Border Post”" in station.desk.run("sources", "check", "post").stdout
        assert "off is disabled" in station.desk.run("sources", "check", "off", code=2).stderr
        assert "this name does not exist" in station.desk.run("sources", "check", "nobody", code=5).stderr
        assert "there is no source" in station.desk.run("sources", "check", "typo", code=2).stderr

    asked()
    station.start()
    station.until(lambda: station.state() == "ok" and station.state("nobody") == "no such name", "first contact")
    station.desk.run("sources", "pause", "post")
    asked()
    assert set(json.loads(station.desk.run("sources", "check", "post", "--json").stdout)) == {"source", "ok", "said"}
    found = json.loads(station.desk.run("sources", "check", "nobody", "--json", code=5).stdout)
    assert (found["ok"], found["source"]) == (False, "nobody")
    station.telegram.accounts.end_sessions(PHONE)
    assert "communique login" in station.desk.run("sources", "check", "post", code=5).stderr

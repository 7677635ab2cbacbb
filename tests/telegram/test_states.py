"""The states of an account: its end in every form, a language that nobody here knows, a clock that is wrong."""

import asyncio
import re
import selectors
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from telethon import errors
from telethon.errors import rpcerrorlist

from bot.clock import Clock
from bot.errors import Later, Never
from bot.intake.media import Carrier
from bot.world import World as Pages
from bot.world import run_in_thread as pages_in_thread
from storage.posts import rechecks
from tests.telegram.daemon_process import Station
from tests.telegram.in_process import PHONE, QUICK, Rig, running, until
from tests.telegram_world import Fault, File, Served, World

DAY_S = 24 * 3600
ONE = {"post": {"channel": "@border_post", "backfill": "all"}}
CODES = {errors.UnauthorizedError: 401, errors.AuthKeyError: 406, errors.FloodError: 420, errors.BadRequestError: 400}
ENDS = sorted(
    name
    for name, kind in rpcerrorlist.rpc_errors_dict.items()
    if issubclass(kind, errors.UnauthorizedError) or name.startswith(("AUTH_KEY_", "FROZEN_", "UPDATE_APP_TO_LOGIN"))
    if name != "SESSION_PASSWORD_NEEDED"
)


class Hurry(selectors.DefaultSelector):
    """Time that can run faster: the loop and the clock read it, and waits are so much shorter."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.speed, self._virtual, self._since = 1.0, self.clock.monotonic(), self.clock.monotonic()

    def monotonic(self) -> float:
        return self._virtual + (self.clock.monotonic() - self._since) * self.speed

    def run_at(self, speed: float) -> None:
        self._virtual, self._since, self.speed = self.monotonic(), self.clock.monotonic(), speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self.speed)


class HurriedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.hurry = Hurry()
        super().__init__(self.hurry)

    def time(self) -> float:
        return self.hurry.monotonic()


def code_of(name: str) -> int:
    kind = rpcerrorlist.rpc_errors_dict[name]
    return next(code for base, code in CODES.items() if issubclass(kind, base))


CHANNELS = ("river_guard", "hill_watch", "coast_line", "road_post", "bridge_post", "harbour_post")


def test_a_wait_of_the_account_is_one_message_for_all_its_sources_and_a_short_one_is_none(station: Station) -> None:
    for name in CHANNELS:
        station.telegram.open_channel(name, name)
    station.configure(**{name: {"channel": f"@{name}", "fallback": "none"} for name in CHANNELS})
    station.sign_in()
    station.start()

    def states() -> set[str]:
        return {station.state(name) for name in CHANNELS}

    station.until(lambda: states() == {"ok"}, "first contact")
    for _ in range(2):
        station.telegram.faults.flood("messages.getHistory", 5)
        station.until(lambda: states() == {"rate-limited"}, "the short wait of every source")
        station.until(lambda: states() == {"ok"}, "the end of the short wait")
    assert station.owed() == [], "nobody has to act, and nothing is lost"
    station.telegram.faults.flood("messages.getHistory", 1_800)
    station.until(lambda: states() == {"rate-limited"}, "the long wait of every source")
    station.until(station.health, "the message")
    assert ["its sources wait as well" in told for told in station.owed()] == [True]


@pytest.mark.parametrize("name", ENDS)
def test_after_the_end_of_an_account_a_whole_day_passes_without_a_call(
    telegram: World, at: Served, data_dir: Path, name: str
) -> None:
    loop = HurriedLoop()
    zero = Clock().now() - int(loop.time() * 1_000_000)
    clock = Clock(now=lambda: zero + int(loop.time() * 1_000_000), monotonic=loop.time)

    async def go() -> None:
        async with running(data_dir, at, ONE, clock=clock) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.faults.suffer(Fault(error=(code_of(name), name), times=None))
            await rig.round()
            await until(lambda: rig.account.status.dead, "the end of the account")
            await rig.collector.aclose()
            calls = len(telegram.journal.calls())
            day = loop.time() + DAY_S
            while loop.time() < day:
                loop.hurry.run_at(DAY_S * 2)
                await asyncio.sleep(3600)
                loop.hurry.run_at(1)  # a round has a deadline, and its transactions take real time
                found = await rig.round()
                assert isinstance(found.error, Never)
            assert len(telegram.journal.calls()) == calls
            assert rig.account.status.remedy

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(go())


def test_other_refusals_of_the_same_number_are_no_end(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            telegram.faults.suffer(Fault("messages.getHistory", error=(406, "FILEREF_UPGRADE_NEEDED")))
            telegram.faults.suffer(Fault("messages.getHistory", error=(406, "SOMETHING_NEW")))
            for _ in range(2):
                found = await rig.round()
                assert found.error is not None
                assert found.error.state == "refused"
            assert rig.account.status.state == "connected"
            assert (await rig.round()).error is None

    asyncio.run(go())


# Through the daemon ---------------------------------------------------------------------------------------------------


def test_a_revoked_session_is_told_everywhere_the_pages_stand_in_and_no_restart_shows_its_key_again(
    station: Station,
) -> None:
    station.telegram.join("border_post", PHONE)
    station.configure(post={"channel": "@border_post"}, alone={"channel": "@border_post", "fallback": "none"})
    station.start()
    station.until(lambda: station.state() == station.state("alone") == "ok", "first contact")
    station.telegram.accounts.end_sessions(PHONE)
    station.until(lambda: station.account() == "session revoked", "the end of the account")
    station.until(lambda: station.state("alone") == "session revoked", "the source without another way")
    calls = len(station.telegram.journal.calls())
    station.pages.publish("border_post", "By the pages.")
    station.until(lambda: station.texts() == ["By the pages."], "what the pages show")
    station.until(lambda: station.mode() == "public pages", "the mode")
    assert station.listed("alone")["mode"] == "nothing"
    assert station.listed()["account"] == "session revoked"
    [told_once] = station.notices("telegram account")
    assert told_once.startswith(
        "the Telegram account is not working (session revoked): the session was ended from another"
    )
    assert "sign in again with `communique login`" in told_once
    station.until(lambda: told_once in station.health(), "the health target")
    assert station.owed() == [told_once], "the account tells of its end once, and not each of its sources"
    status = station.status()
    assert status["telegram"]["state"] == "session revoked"
    assert "communique login" in status["telegram"]["remedy"]
    assert "communique login" in status["next_steps"]
    assert "communique login" in station.desk.run("status").stdout
    assert "session revoked" in station.desk.run("sources", "list").stderr
    told = station.desk.run("login", "--status", code=5).stdout
    assert "session revoked" in told
    assert "communique login" in told

    station.stop()
    station.desk.run("run", "--once", code=None)
    station.start()
    more = station.pages.publish("border_post", "After a restart.")
    station.until(lambda: more in {row[0] for row in station.ask("SELECT number FROM posts")}, "the pages")
    assert len(station.telegram.journal.calls()) == calls, "a dead session is shown to Telegram again"
    assert len(station.notices("telegram account")) == 1

    station.sign_in()
    station.until(lambda: station.account() == "connected", "the new session")
    station.until(lambda: station.state("alone") == "ok", "the source that had stopped")
    station.until(lambda: station.mode() == "push", "the push")
    assert station.notices("telegram account")[1:] == ["the Telegram account is connected again (was: session revoked)"]
    assert station.desk.run("login", "--status").returncode == 0


def figure(sentence: str) -> tuple[int, str]:
    found = re.search(r"this machine's clock is (\d+) s (behind|ahead of) Telegram's", sentence)
    assert found is not None, sentence
    return int(found[1]), found[2]


def test_a_wrong_clock_is_told_with_its_figure_and_collecting_goes_on(station: Station) -> None:
    station.telegram.faults.skew = 3600
    station.configure(post={"channel": "@border_post"})
    station.telegram.publish("border_post", "One.")
    station.start()
    station.until(lambda: station.texts() == ["One."], "the posts")
    station.until(lambda: station.notices("telegram clock"), "the notice")
    [told] = station.notices("telegram clock")
    off, side = figure(told)
    assert (abs(off - 3600) <= 2, side) == (True, "behind")
    assert told in station.desk.said()
    assert "s behind Telegram's" in station.status()["telegram"]["reason"]
    assert "s behind Telegram's" in station.desk.run("status").stdout
    assert "s behind Telegram's" in station.desk.run("doctor", code=None).stdout
    assert "s behind Telegram's" in station.desk.run("sources", "list").stderr


@pytest.mark.parametrize("skew", [-3600, -120, 120, 3600])
def test_a_clock_that_jumps_while_we_watch_is_told_once_and_told_again_when_it_is_right(
    telegram: World, at: Served, data_dir: Path, skew: int
) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.faults.skew = skew
            await until(lambda: told(rig, "telegram clock"), "the notice")
            off, side = figure(told(rig, "telegram clock")[0])
            assert abs(off - abs(skew)) <= 2  # Telegram tells whole seconds
            assert side == ("behind" if skew > 0 else "ahead of")
            await until(lambda: rig.account.status.state == "connected", "the connection")
            number = telegram.publish("border_post", "Heard all the same.")
            await until(lambda: rig.ask("SELECT 1 FROM posts WHERE number = :n", n=number), "the post")
            assert "clock" in rig.account.status.reason
            telegram.faults.heal()
            await until(lambda: len(told(rig, "telegram clock")) == 2, "the end of it")
            assert told(rig, "telegram clock")[1] == "this machine's clock is right again"
            await until(lambda: rig.account.status.state == "connected", "the connection")
            assert rig.account.status.reason == ""

    asyncio.run(go())


def test_a_clock_that_is_a_little_off_is_no_news(telegram: World, at: Served, data_dir: Path) -> None:
    telegram.faults.skew = 25

    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            await until(lambda: telegram.journal.count("updates.getState") > 2, "some probes")
            assert told(rig, "telegram clock") == []

    asyncio.run(go())


def test_a_long_outage_is_told_once_and_so_is_its_end(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.faults.refusing = True
            telegram.faults.transport_error(-429)
            await until(lambda: told(rig, "telegram account"), "the notice")
            [gone] = told(rig, "telegram account")
            assert "unreachable for more than a minute" in gone
            missed = telegram.publish("border_post", "Said meanwhile.")
            telegram.faults.heal()
            await until(lambda: rig.ask("SELECT 1 FROM posts WHERE number = :n", n=missed), "what was missed")
            assert told(rig, "telegram account")[1:] == ["the Telegram account is connected again (was: unreachable)"]

    asyncio.run(go())


def test_a_short_outage_is_no_news(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE, patience=replace(QUICK, loss=30)) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            for code in (-429, -429):
                connections = rig.spoken.count("telegram: connected")
                telegram.faults.transport_error(code)
                await until(partial(stands_again, rig, connections), "another connection")
            assert told(rig, "telegram account") == []

    asyncio.run(go())


def stands_again(rig: Rig, connections: int) -> bool:
    return rig.spoken.count("telegram: connected") > connections


# A newer language -----------------------------------------------------------------------------------------------------


def told(rig: Rig, about: str) -> list[str]:
    return [row[0] for row in rig.ask("SELECT text FROM notices WHERE about = :about ORDER BY id", about=about)]


def test_an_unknown_push_is_told_once_for_ever_and_shown_in_the_state(station: Station) -> None:
    station.telegram.join("border_post", PHONE)
    station.configure(post={"channel": "@border_post"})
    station.start()
    station.until(lambda: station.state() == "ok", "first contact")
    for _ in range(3):
        station.telegram.push_unknown(PHONE)
    station.until(lambda: station.notices("telegram language"), "the notice")
    station.telegram.publish("border_post", "Heard as before.")
    station.until(lambda: station.texts() == ["Heard as before."], "the next push")
    [sentence] = station.notices("telegram language")
    assert "upgrade" in sentence
    assert sentence in station.owed()
    assert "newer API layer" in station.status()["telegram"]["reason"]
    assert any("newer API layer" in warning for warning in station.status()["warnings"])
    assert "newer API layer" in station.desk.run("sources", "list").stderr
    station.stop()
    station.start()
    station.until(lambda: station.desk.said().count("telegram: connected") == 2, "the second start")
    station.telegram.push_unknown(PHONE)
    station.until(lambda: station.desk.said().count("newer API layer") == 2, "what is said to whoever reads along")
    assert len(station.notices("telegram language")) == 1


def test_what_cannot_be_read_spoils_nothing_that_comes_with_it(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.faults.unknown_beside = True
            histories = telegram.journal.count("messages.getHistory")
            number = telegram.publish("border_post", "In one packet with it.")
            await until(lambda: rig.ask("SELECT 1 FROM posts WHERE number = :n", n=number), "the post")
            assert telegram.journal.count("messages.getHistory") == histories + 1, "an answer was lost"
            assert rig.account.status.state == "connected"
            await until(lambda: told(rig, "telegram language"), "the notice")

    asyncio.run(go())


def test_an_unreadable_push_rings_for_the_channel_that_it_names(telegram: World, at: Served, data_dir: Path) -> None:
    async def go() -> None:
        async with running(data_dir, at, ONE) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.faults.swallow_pushes = True
            number = telegram.publish("border_post", "Its push cannot be read.")
            telegram.push_unknown(PHONE, "border_post")
            await until(lambda: rig.ask("SELECT 1 FROM posts WHERE number = :n", n=number), "the post")

    asyncio.run(go())


@pytest.mark.parametrize("method", ["contacts.resolveUsername", "messages.getHistory"])
def test_where_an_answer_cannot_be_read_the_pages_stand_in_and_other_channels_go_on(
    telegram: World, at: Served, data_dir: Path, method: str
) -> None:
    pages = Pages()
    pages.open_channel("border_post", "Border Post", numeric_id=1_500_000_001)
    pages.publish("border_post", "By the pages.")
    telegram.publish("border_post", "By the pages.")
    number = telegram.open_channel("river_guard", "River Guard", members=[PHONE])

    async def go(address: str) -> None:
        entries: dict[str, dict[str, object]] = {
            "post": {"channel": "@border_post", "fallback": "telegram_web", "base_url": address, "backfill": "all"},
            "river": {"channel": number, "backfill": "all"},
        }
        port = int(address.rpartition(":")[2])
        async with running(data_dir, at, entries, live=False, web=("127.0.0.1", port)) as rig:
            telegram.faults.suffer(Fault(method, unknown=True))
            found = await rig.round("post")
            assert found.error is None
            assert "public pages" in rig.row("post").reason
            assert found.new == 2
            assert (await rig.round("river")).error is None
            await until(lambda: told(rig, "telegram language"), "the notice")
            again = await rig.round("post")
            assert (again.error, again.new, again.revised) == (None, 0, 0)
            assert rig.row("post").reason is None

    with pages_in_thread(pages) as address:
        asyncio.run(go(address))


@pytest.mark.parametrize("method", ["updates.getState", "updates.getChannelDifference", "channels.getMessages"])
def test_an_answer_that_cannot_be_read_is_no_reason_to_hang_up(
    telegram: World, at: Served, data_dir: Path, method: str
) -> None:
    telegram.open_channel("not_joined", "Not joined")
    entries = {"post": {"channel": "@not_joined", "mode": "short", "backfill": "all"}}

    async def go() -> None:
        async with running(data_dir, at, entries) as rig:
            await until(lambda: rig.row().first_contact_at, "first contact")
            telegram.faults.suffer(Fault(method, unknown=True, times=None))
            await rig.store.run(rechecks.recheck_reported, "post", ["1"], Clock().now())
            await rig.checked()
            await until(lambda: told(rig, "telegram language"), "the notice")
            number = telegram.publish("not_joined", "Still read.")
            found = await rig.round()
            assert found.error is None
            assert rig.ask("SELECT 1 FROM posts WHERE number = :n", n=number)
            assert rig.account.status.state == "connected"
            assert rig.spoken.count("telegram: connected") == 1

    asyncio.run(go())


def test_a_file_whose_answer_cannot_be_read_comes_later(telegram: World, at: Served, data_dir: Path) -> None:
    telegram.publish("border_post", "Listen.", file=File("voice", b"OggS" * 100))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            source = rig.sources["post"]
            assert isinstance(source, Carrier)
            [(url,)] = rig.ask("SELECT url FROM media")
            telegram.faults.suffer(Fault("upload.getFile", unknown=True))
            pieces: list[bytes] = []
            with pytest.raises(Later) as raised:
                await source.carry(url, pieces.append, 1 << 20)
            assert raised.value.state == "client outdated"
            await source.carry(url, pieces.append, 1 << 20)
            assert b"".join(pieces) == b"OggS" * 100

    asyncio.run(go())

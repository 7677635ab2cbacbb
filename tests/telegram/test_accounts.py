"""Several accounts: each with its own session and state; sources shared out, and taken over when one dies."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.telegram.session import SessionKey, session_in, write
from tests.desk import Desk
from tests.telegram_world import Served, World, run_in_thread

Waits = Callable[[Callable[[], object], str], None]
NORTH, SOUTH = "+95 9 000 000 001", "+95 9 000 000 002"
HEAD = """
[telegram]
api_id = 1
api_hash_file = "hash"
server = "{host}:{port}"
dc = {dc}
public_key_file = "{key}"
[[telegram.accounts]]
name = "north"
[[telegram.accounts]]
name = "south"
[defaults]
every = "1s"
"""
SOURCE = '[[sources]]\nname = "{name}"\nkind = "telegram"\nchannel = "{channel}"\nfallback = "none"\n{more}\n'
CHANNELS = ("border_post", "river_guard", "hill_watch", "coast_line")


@pytest.fixture
def world() -> World:
    made = World()
    made.accounts.open(NORTH, code="12345")
    made.accounts.open(SOUTH, code="54321")
    for name in CHANNELS:
        made.open_channel(name, name.title())
    return made


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with run_in_thread(world) as stands:
        yield stands


@pytest.fixture
def desk(tmp_path: Path, served: Served) -> Iterator[Desk]:
    (tmp_path / "hash").write_text("0123456789abcdef")
    (tmp_path / "hash").chmod(0o600)
    with Desk(tmp_path) as made:
        yield made


def configure(desk: Desk, served: Served, *sources: str) -> None:
    head = HEAD.format(host=served.host, port=served.port, dc=served.dc, key=served.public_key_file)
    desk.write("\n".join([head, *sources]))


def source(name: str, channel: object = None, more: str = "") -> str:
    return SOURCE.format(name=name, channel=channel or f"@{name}", more=more)


def sign_in(desk: Desk, world: World, served: Served, **phones: str) -> None:
    (desk.directory / "data").mkdir(mode=0o700, exist_ok=True)
    for user, (name, phone) in enumerate(phones.items(), 7000001):
        key = world.accounts.grant_key(phone).hex()
        write(
            session_in(desk.directory / "data", name), SessionKey(served.dc, served.host, served.port, key, str(user))
        )


def listed(desk: Desk) -> dict[str, dict[str, object]]:
    shown = desk.run("sources", "list", "--json", code=None)  # exit 1 as long as there is no archive
    return {row["name"]: row for row in json.loads(shown.stdout)} if shown.returncode == 0 else {}


def states(desk: Desk) -> set[object]:
    return {row["state"] for row in listed(desk).values()}


def readers(desk: Desk) -> dict[str, object]:
    return {name: row["account_name"] for name, row in listed(desk).items()}


def test_each_account_signs_in_by_its_name_into_a_file_of_its_own(desk: Desk, served: Served) -> None:
    configure(desk, served, source("border_post"))
    assert "which account?" in desk.run("login", "--phone", NORTH, code=2).stderr
    assert "north, south" in desk.run("login", "--account", "east", "--status", code=2).stderr
    desk.run("login", "--account", "north", "--phone", NORTH, stdin="12345\n")
    files = sorted(path.name for path in (desk.directory / "data" / "state").glob("*.session"))
    assert files == ["telegram-north.session"]
    assert "north: signed in" in desk.run("login", "--account", "north", "--status").stdout
    said = desk.run("login", "--status", code=5).stdout
    assert "state: connected" in said
    assert "south: not signed in: `communique login --account south`" in said
    desk.run("login", "--account", "south", "--phone", SOUTH, stdin="54321\n")
    desk.run("login", "--status")


def test_public_channels_are_shared_out_evenly_and_move_when_their_account_dies(
    desk: Desk, world: World, served: Served, waits: Waits
) -> None:
    number = world.open_channel(None, "Private", private=True, members=[SOUTH])
    configure(desk, served, *map(source, CHANNELS), source("private", number, 'account = "south"'))
    sign_in(desk, world, served, north=NORTH, south=SOUTH)
    desk.start("run")
    waits(lambda: sorted(map(str, readers(desk).values())) == ["north"] * 2 + ["south"] * 3, "an even share")
    waits(lambda: states(desk) == {"ok"}, "first contact")
    before = readers(desk)
    status = json.loads(desk.run("status", "--json").stdout)
    assert [(row["account"], row["state"]) for row in status["telegram_accounts"]] == [
        ("north", "connected"),
        ("south", "connected"),
    ]
    world.accounts.end_sessions(SOUTH)
    waits(lambda: listed(desk)["private"]["state"] == "session revoked", "the end of the account")
    for name in CHANNELS:
        world.publish(name, f"After, in {name}.")
    waits(lambda: all(listed(desk)[name]["posts"] == 2 for name in CHANNELS), "posts of every public channel")
    waits(lambda: {readers(desk)[name] for name in CHANNELS} == {"north"}, "the account that took over")
    moved = [name for name in CHANNELS if before[name] == "south"]
    for name in moved:
        assert desk.said().count(f"{name}: read with the account north instead of south (session revoked)") == 1
    assert "telegram account south" in desk.run("sources", "list").stderr
    assert "communique login --account south" in desk.run("status").stdout
    assert "the account south: session revoked" in desk.run("doctor", code=None).stdout
    desk.run("login", "--account", "south", "--phone", SOUTH, stdin="54321\n")
    waits(lambda: listed(desk)["private"]["state"] == "ok", "the private channel's return")
    waits(lambda: all(readers(desk)[name] == "south" for name in moved), "the return of the public ones")
    desk.stop()


def test_a_wait_of_one_account_does_not_stop_the_other(desk: Desk, world: World, served: Served, waits: Waits) -> None:
    configure(
        desk, served, source("border_post", more='account = "north"'), source("river_guard", more='account = "south"')
    )
    sign_in(desk, world, served, north=NORTH, south=SOUTH)
    desk.start("run")
    waits(lambda: states(desk) == {"ok"}, "first contact")
    world.faults.flood("messages.getHistory", 3_600, phone="959000000001")
    waits(lambda: listed(desk)["border_post"]["state"] == "rate-limited", "the wait")
    world.publish("river_guard", "Meanwhile.")
    waits(lambda: listed(desk)["river_guard"]["posts"] == 2, "the post of the other account")
    assert "messages.getHistory (north)" in desk.run("sources", "list").stderr
    desk.stop()


def test_an_account_that_does_not_exist_is_said_with_its_place(desk: Desk, served: Served) -> None:
    configure(desk, served, source("border_post", more='account = "soth"'))
    said = desk.run("config", "check", code=4).stderr
    assert 'account "soth"' in said
    assert "south" in said

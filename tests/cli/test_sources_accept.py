"""A person accepts the new owner of a name, or where an account has moved to; nothing does so by itself."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.world import World, run_in_thread
from bot.world.state import Faults
from storage.records import Batch, LedgerChange
from storage.sources import states
from tests.desk import Desk

CONFIG = """\
# the night desk
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0

[[sources]]
name = "office"  # since spring
kind = "telegram_web"
channel = "ferry_office"
base_url = "{url}"
tags = ["official"]

[[sources]]
name = "ferry"
kind = "mastodon"
account = "@ferry_office@town.example"
enabled = true
"""


@pytest.fixture
def world() -> World:
    world = World()
    world.open_channel("ferry_office", "Ferry Office")
    world.publish("ferry_office", "The first notice.")
    world.publish("ferry_office", "The second notice.")
    return world


@pytest.fixture
def desk(tmp_path: Path, world: World) -> Iterator[Desk]:
    with run_in_thread(world) as url:
        desk = Desk(tmp_path)
        desk.write(CONFIG.format(url=url).replace("enabled = true", "enabled = false"))
        yield desk


def rows(desk: Desk, question: str) -> list[list[object]]:
    return [list(row) for row in desk.ask(question)]


def note_move(desk: Desk) -> None:
    """What a round writes down whose reply says that the account has moved."""
    with desk.archive as archive, archive.writing() as writer:
        states.declare(writer, [states.Declared("office", "telegram_web"), states.Declared("ferry", "mastodon")], 0)
        ((number,),) = writer.rows("SELECT id FROM sources WHERE name = 'ferry'")
        batch = Batch(channel_id="a", moved_to="https://harbour.example/@ferry")
        states.advance(writer, number, batch, LedgerChange(), 0)


POSTS = "SELECT s.name, p.native_id FROM posts p JOIN sources s ON s.id = p.source_id ORDER BY s.name, p.native_id"


def test_a_new_owner_is_refused_until_a_person_accepts_it_and_never_shares_a_source_with_the_old_one(
    desk: Desk, world: World
) -> None:
    desk.run("run", "--once")
    before = rows(desk, POSTS)
    world.set_faults("ferry_office", Faults(moved_to=1_999_999_999))
    refused = desk.run("run", "--once", code=None)
    assert "communique sources accept office" in refused.stderr
    world.publish("ferry_office", "The new owner speaks.")
    desk.run("run", "--once", code=None)
    assert rows(desk, POSTS) == before, "nothing of it is collected"

    ran = desk.run("sources", "accept", "office")
    assert ran.stdout.startswith(
        "office follows the new owner from its next round on; what was collected of ferry_office"
    )
    desk.run("run", "--once")
    (kept,) = {str(name) for name, _ in rows(desk, POSTS)} - {"office"}
    assert kept.startswith("office-until-")
    assert [row for row in rows(desk, POSTS) if row[0] == kept] == [[kept, number] for _, number in before]
    assert ["office", "4"] in rows(desk, POSTS)
    assert rows(
        desk, "SELECT name, channel_id, enabled, tags FROM sources WHERE name LIKE 'office%' ORDER BY name"
    ) == [
        ["office", "1999999999", 1, '["official"]'],
        [kept, "1700000001", 0, '["official"]'],
    ]
    history = json.loads(desk.run("sources", "history", "office", "--json").stdout)
    assert [(one["what"], one["before"]) for one in history] == [("accepted", kept), ("id", None)]
    assert "follows the new owner" in history[0]["words"]
    assert "is refused" in desk.run("sources", "history", str(kept)).stdout
    again = desk.run("sources", "accept", "office", code=2)
    assert "there is nothing to accept" in again.stderr


def test_a_move_is_written_into_the_config_and_leaves_the_rest_of_it_alone(desk: Desk) -> None:
    desk.run("run", "--once")
    note_move(desk)
    before = (desk.directory / "config.toml").read_text()
    ran = desk.run("sources", "accept", "ferry", "--json")
    assert json.loads(ran.stdout) == {
        "source": "ferry",
        "accepted": "move",
        "before": "https://town.example/@ferry_office",
        "after": "https://harbour.example/@ferry",
        "kept_as": None,
    }
    after = (desk.directory / "config.toml").read_text()
    assert after == before.replace("@ferry_office@town.example", "https://harbour.example/@ferry")
    assert tomllib.loads(after)["sources"][1]["account"] == "https://harbour.example/@ferry"
    assert "is to read https://harbour.example/@ferry already" in desk.run("sources", "accept", "ferry", code=2).stderr


def test_the_token_of_the_old_server_is_not_shown_to_the_new_one(desk: Desk) -> None:
    desk.run("run", "--once")
    secret = desk.directory / "token"
    secret.touch(mode=0o600)
    secret.write_text("secret")
    config = desk.directory / "config.toml"
    config.write_text(config.read_text() + f'token_file = "{secret}"\n')
    note_move(desk)
    before = config.read_text()
    assert "must not see it" in desk.run("sources", "accept", "ferry", code=2).stderr
    assert config.read_text() == before


def test_a_source_that_is_who_it_was_has_nothing_to_accept(desk: Desk) -> None:
    desk.run("run", "--once")
    assert "there is nothing to accept: office has neither" in desk.run("sources", "accept", "office", code=2).stderr
    assert "did you mean" in desk.run("sources", "accept", "ofice", code=2).stderr

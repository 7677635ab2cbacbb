"""Sources that a person adds, renames, removes and takes over by commands: the config file stays hers."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.editing import rename_entry
from bot.world import World, run_in_thread
from bot.world.story import begin
from tests.desk import Desk

CONFIG = """\
# the night desk
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0

[[rules]]
name = "regional-command"  # above all
query = '"regional command"'
targets = ["terminal"]

[[targets]]
name = "terminal"
kind = "console"
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    world = World()
    begin(world)
    with run_in_thread(world) as url:
        yield url


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.write(CONFIG)
    return desk


def written(desk: Desk) -> str:
    return (desk.directory / "config.toml").read_text(encoding="utf-8")


def sources(desk: Desk) -> list[dict[str, object]]:
    found: list[dict[str, object]] = tomllib.loads(written(desk)).get("sources", [])
    return found


def test_an_address_is_shown_and_nothing_is_written_without_being_asked(desk: Desk, url: str) -> None:
    ran = desk.run("sources", "add", f"{url}/feed/hills_radio.atom")
    assert tomllib.loads(ran.stdout)["sources"][0]["kind"] == "feed"
    assert "feed: “" in ran.stderr
    assert "Silence over Taungkyar" in ran.stderr or len(ran.stderr.splitlines()) > 2
    assert written(desk) == CONFIG


def test_a_source_is_added_collected_renamed_and_removed_and_its_archive_stays(desk: Desk, url: str) -> None:
    added = desk.run("sources", "add", f"{url}/feed/hills_radio.atom", "--name", "radio", "--tag", "press", "--write")
    assert "added to" in added.stderr
    assert sources(desk) == [
        {"name": "radio", "kind": "feed", "url": f"{url}/feed/hills_radio.atom", "tags": ["press"]}
    ]
    again = desk.run("sources", "add", f"{url}/feed/hills_radio.atom", code=2)
    assert "the source radio reads that already" in again.stderr
    desk.run("run", "--once")
    desk.run("sources", "rename", "radio", "hills-radio")
    desk.run("run", "--once")
    listed = json.loads(desk.run("search", "source:hills-radio", "--json").stdout)
    assert listed
    desk.run("sources", "remove", "hills-radio")
    assert sources(desk) == []
    assert json.loads(desk.run("search", "source:hills-radio", "--json").stdout) == listed
    assert "# the night desk" in written(desk)
    assert "# above all" in written(desk)


def test_what_would_make_the_config_wrong_is_refused_and_changes_nothing(desk: Desk) -> None:
    feed = '\n[[sources]]\nname = "desk"\nkind = "feed"\nurl = "https://desk.example/feed"\n'
    rule = '\n[[rules]]\nname = "storm"\nquery = "storm"\nsources = ["desk"]\ntargets = ["terminal"]\n'
    desk.write(CONFIG + feed + rule)
    before = written(desk)
    assert "the rule storm names this source" in desk.run("sources", "remove", "desk", code=2).stderr
    assert "did you mean" in desk.run("sources", "remove", "dsek", code=2).stderr
    desk.run("sources", "rename", "desk", "a name", code=4)
    assert written(desk) == before
    desk.run("sources", "rename", "desk", "office")
    assert tomllib.loads(written(desk))["rules"][1]["sources"] == ["office"]


def test_a_list_of_feeds_is_taken_over_and_given_back(desk: Desk, tmp_path: Path) -> None:
    outlines = "".join(
        f'<outline text="{name}" xmlUrl="https://{name}.example/feed"/>'
        for name in ("desk", "radio", "desk-of-evil\u202e")
    )
    file = tmp_path / "feeds.opml"
    file.write_text(f"<opml><body><outline text='War News'>{outlines}</outline></body></opml>", encoding="utf-8")
    printed = desk.run("sources", "import", str(file))
    assert [one["name"] for one in tomllib.loads(printed.stdout)["sources"]][:2] == ["desk", "radio"]
    desk.run("sources", "import", str(file), "--write")
    assert sources(desk)[0] == {
        "name": "desk",
        "kind": "feed",
        "url": "https://desk.example/feed",
        "tags": ["war-news"],
    }
    assert "0 new sources, " in desk.run("sources", "import", str(file)).stderr
    exported = desk.run("sources", "export", "--opml").stdout
    assert '<outline text="war-news">' in exported
    assert 'xmlUrl="https://desk.example/feed"' in exported


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_former_name_is_written_below_the_name_and_comments_stay_where_they_were(end: str) -> None:
    before = '[[sources]]  # first\nname = "မြစ်ကူး"  # keep\nkind = "feed"\n\n# second\n[[sources]]\nname = "b"\n'
    after = before.replace('"မြစ်ကူး"  # keep', '"ferry"  # keep\nwas = "မြစ်ကူး"')
    assert rename_entry(before.replace("\n", end), "sources", "မြစ်ကူး", "ferry", ()) == after.replace("\n", end)
    inline = rename_entry('sources = [{name = "a", kind = "feed"}]\n', "sources", "a", "b", ())
    assert tomllib.loads(inline)["sources"] == [{"name": "b", "kind": "feed", "was": "a"}]

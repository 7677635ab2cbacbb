"""A machine's translation through the whole line: beside the original, marked, and found only where it is asked for."""

import json
from collections.abc import Callable

from bot.world import run_in_thread
from tests.desk import Desk, Sink, Until
from tests.engine_server import serving
from tests.integration.scene import LOOPBACK, world_of

SAID = "တိုင်းစစ်ဌာနချုပ် ကျဆုံးသွားပြီ"
MEANT = "The regional command has fallen."
CONFIG = """
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
every = "1s"
[[rules]]
name = "english"
query = '"regional command"'
targets = ["hook"]
[[rules]]
name = "burmese"
query = "တိုင်းစစ်ဌာနချုပ်"
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
[[engines]]
name = "translator"
kind = "translate"
url = "{server}"
model = "stub"
"""


def test_a_translation_stands_beside_the_original_and_alerts_nobody(
    desk: Desk, sink: Sink, check_invariants: Callable[..., None]
) -> None:
    world = world_of("spokesman_office")
    with serving({"choices": [{"message": {"content": MEANT}}]}) as server, run_in_thread(world) as address:
        desk.write(LOOPBACK + CONFIG.format(world=address, hook=sink.url, server=server.url))
        desk.run("run", "--once")
        number = world.publish("spokesman_office", SAID)
        world.publish("spokesman_office", "The road is open again, says the town office.")
        desk.run("run", "--once")
        desk.run("run", "--once")
        assert [one["messages"][1]["content"] for one in server.asked] == [SAID]
        world.edit("spokesman_office", number, f"{SAID}။")  # whose translation is the same
        desk.run("run", "--once")
        assert [one["messages"][1]["content"] for one in server.asked] == [SAID, f"{SAID}။"]
    assert [document["data"]["rule"] for _, document in sink.received] == ["burmese"]
    [found] = json.loads(desk.run("search", 'in:translation "regional command"', "--json").stdout)
    assert found["native_id"] == str(number)
    assert found["language"] == "my"
    [text] = [text for text in found["texts"] if text["kind"] == "translation"]
    assert (text["text"], text["engine"], text["language"]) == (MEANT, "translate", "en")
    assert json.loads(desk.run("search", '"regional command"', "--json").stdout) == []
    assert MEANT in desk.run("show", f"spokesman/{number}").stdout
    check_invariants(desk.archive)


def test_a_kill_during_a_translation_has_it_done_again_once(
    desk: Desk, sink: Sink, until: Until, check_invariants: Callable[..., None]
) -> None:
    world = world_of("spokesman_office")
    with serving({"choices": [{"message": {"content": MEANT}}]}) as server, run_in_thread(world) as address:
        desk.write(LOOPBACK + CONFIG.format(world=address, hook=sink.url, server=server.url))
        desk.run("run", "--once")
        world.publish("spokesman_office", SAID)
        server.silent = True
        for cycle in range(1, 5):  # more often than a job may fail
            desk.start("run")
            until(lambda count=cycle: len(server.asked) == count, "the question")  # type: ignore[misc]
            desk.kill()
        server.silent = False
        desk.start("run")
        until(lambda: '"translation"' in desk.run("search", "in:translation regional", "--json").stdout, "its words")
        desk.stop()
        desk.run("run", "--once")
    with desk.archive.reading() as reader:
        made = reader.execute("SELECT text, current FROM texts WHERE kind = 'translation'").fetchall()
        given_up = reader.execute("SELECT count(*) FROM given_up").fetchone()[0]
    assert [tuple(row) for row in made] == [(MEANT, 1)]
    assert given_up == 0
    assert len(server.asked) == 5
    assert [document["data"]["rule"] for _, document in sink.received] == ["burmese"]
    check_invariants(desk.archive)

"""A voice note through the whole line to a bot: heard of at once with its bytes, its words as the reply, whatever dies."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.world import World, run_in_thread
from bot.world.files import ogg
from bot.world.state import WorldFile
from tests.bot_api import TOKEN, BotApi, serving
from tests.desk import Desk, Until
from tests.integration.scene import LOOPBACK

WORDS = "We lost contact with the regional command."
CONFIG = """
[media]
keep_free = 0
[media.tags."official"]
alert_on = ["voice"]
[defaults]
every = "1s"
targets = ["desk"]
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
tags = ["official"]
[[rules]]
name = "command"
query = '"regional command"'
[[rules]]
name = "contact"
query = "contact"
[[targets]]
name = "desk"
kind = "telegram"
token_file = "token"
chat = 7
api_base = "{bot}"
[[engines]]
name = "ears"
kind = "program"
program = ["{program}", "{{file}}"]
"""
# It says what stands behind the sound, once nobody asks it to wait.
EARS = f"""#!{sys.executable}
import json, os, sys, time
while os.path.exists({{hush!r}}):
    time.sleep(0.05)
words = open(sys.argv[1], "rb").read().rpartition(b"SAYS:")[2].decode()
print(json.dumps({{{{"text": words, "language": "en", "confidence": 0.93, "model": "stub",
                  "segments": [{{{{"start_s": 62.5, "end_s": 65, "text": words}}}}]}}}}))
"""


class Office:
    """A spokesman's channel, a desk with a bot, and an engine that can be told to wait."""

    def __init__(self, desk: Desk, api: BotApi, address: str, world: World, until: Until) -> None:
        self.desk, self.api, self.world, self.until = desk, api, world, until
        token = desk.directory / "token"
        token.write_text(TOKEN, encoding="utf-8")
        token.chmod(0o600)
        self.hush = desk.directory / "hush"
        program = desk.directory / "ears.py"
        program.write_text(EARS.format(hush=str(self.hush)), encoding="utf-8")
        program.chmod(0o755)
        desk.write(LOOPBACK + CONFIG.format(world=address, bot=api.base, program=program))
        desk.run("run", "--once")

    def say(self, words: str = WORDS, name: str = "note") -> bytes:
        """Publish a voice note; its bytes."""
        data = ogg(4) + b"SAYS:" + words.encode()
        self.world.keep_file(f"{name}.ogg", data)
        self.world.publish("spokesman_office", "", attachments=[WorldFile("voice", f"{name}.ogg", duration="1:10")])
        return data

    def start(self) -> None:
        self.desk.start("run")

    def end(self) -> None:
        self.desk.stop()
        assert "Traceback" not in self.desk.said()

    def count(self, statement: str) -> int:
        with self.desk.archive.reading() as reader:
            return int(reader.execute(f"SELECT count(*) FROM {statement}").fetchone()[0])

    def alerts(self, *words: str) -> Any:
        return json.loads(self.desk.run("alerts", *words, "--json").stdout)

    def answers(self) -> list[int | None]:
        """Which message each message of the bot is a reply to."""
        return [(said.request.get("reply_parameters") or {}).get("message_id") for said in self.api.said]


@pytest.fixture
def office(desk: Desk, until: Until) -> Iterator[Office]:
    world = World()
    world.open_channel("spokesman_office", "The office")
    with run_in_thread(world) as address, serving() as api:
        yield Office(desk, api, address, world, until)


def test_a_voice_note_comes_with_its_bytes_and_its_words_answer_it(office: Office) -> None:
    office.hush.touch()
    office.start()
    sent = office.say()
    office.until(lambda: office.api.said, "the alert")
    office.hush.unlink()
    office.until(lambda: len(office.api.said) == 3, "what it says")
    office.end()
    first, *replies = office.api.said
    assert first.file is not None
    assert (first.file.method, first.file.mime, first.file.data) == ("sendVoice", "audio/ogg", sent)
    assert "not transcribed" in first.bold
    assert office.answers() == [None, first.id, first.id]
    for said in replies:
        assert "transcribed by ears · en · confidence 0.93 · at 1:02" in said.text
        assert WORDS in said.text
    assert [alert["rule"] for alert in office.alerts("list", "--rule", "media:spokesman")] == ["media:spokesman"]
    why = office.alerts("why", "1")
    assert (why["rule"], why["why"], why["query"]) == ("media:spokesman", "new match", "has:voice")


def test_words_that_are_ready_before_the_alert_could_be_delivered_answer_it_all_the_same(office: Office) -> None:
    office.api.fail_with = [(502, "Bad Gateway")]
    office.start()
    office.say()
    office.until(lambda: office.count("matches") == 3, "the decision on its words")
    assert office.api.said == [], "the bot was down meanwhile"
    office.until(lambda: len(office.api.said) == 3, "all that was owed")
    office.end()
    first = office.api.said[0]
    assert first.file is not None
    assert "not transcribed" not in first.text
    assert office.answers() == [None, first.id, first.id]


def test_a_bot_that_was_thrown_out_gets_all_in_order_when_a_person_asks(office: Office) -> None:
    office.api.blocked = True
    office.say()
    assert office.desk.run("run", "--once", code=5).stdout == ""
    listed = office.alerts("list", "--rule", "media:spokesman")
    assert [sent["state"] for sent in listed[0]["deliveries"]] == ["pending"]
    assert "target desk is suspended" in office.desk.run("status").stdout
    office.api.blocked = False
    office.desk.run("run", "--once")
    assert office.api.said == []
    assert "targets resumed: desk" in office.desk.run("alerts", "retry", listed[0]["id"]).stdout
    office.desk.run("run", "--once")
    assert office.answers() == [None, 1, 1]
    assert office.api.said[0].file is not None


def test_several_notes_of_one_post_are_one_alert_and_the_one_that_says_it_is_named(office: Office) -> None:
    names = ("first", "second", "third")
    for name in names:
        words = WORDS if name == "second" else "Good day."
        office.world.keep_file(f"{name}.ogg", ogg(4) + name.encode() + b" SAYS:" + words.encode())
    office.world.publish("spokesman_office", "", attachments=[WorldFile("voice", f"{name}.ogg") for name in names])
    office.desk.run("run", "--once")
    office.desk.run("run", "--once")
    assert office.answers() == [None, 1, 1, 1, 1], "each file comes once, whatever rule finds its words"
    files = [said.file.data for said in office.api.said if said.file is not None]
    assert len(files) == len(set(files)) == 3
    assert len([said for said in office.api.said if "file 2 of 3" in said.text]) == 2
    assert office.count("texts WHERE kind = 'transcript'") == 3


def test_a_kill_at_every_step_loses_nothing_and_says_which_copy_may_be_one(
    office: Office, check_invariants: Callable[..., None]
) -> None:
    sent = "deliveries WHERE state = 'sent'"
    steps: list[tuple[Callable[[], object], str]] = [
        (lambda: office.count("media"), "the post"),
        (lambda: office.count("media WHERE state = 'stored'"), "the bytes"),
        (lambda: office.count("matches"), "the decision to alert"),
        (lambda: office.api.said, "the alert"),
        (lambda: office.count(sent), "the receipt"),
        (lambda: office.count("jobs WHERE kind = 'transcript' AND claimed_until IS NOT NULL"), "the engine"),
        (lambda: office.count("texts WHERE kind = 'transcript'"), "the words"),
        (lambda: office.count("matches") == 3, "the decision on them"),
        (lambda: office.count(sent) >= 2, "the first reply"),
    ]
    office.say()
    office.hush.touch()
    config = office.desk.directory / "config.toml"
    whole = config.read_text(encoding="utf-8")
    config.write_text(whole.partition("[[engines]]")[0], encoding="utf-8")  # two deaths in the engine would be too many
    for condition, awaited in steps:
        if awaited == "the engine":
            config.write_text(whole, encoding="utf-8")
        if awaited == "the words":
            office.hush.unlink()
        office.start()
        office.until(condition, awaited)
        office.desk.kill()
    before = len(office.desk.said())
    office.start()
    office.until(lambda: office.count(sent) == 3, "all that was owed")  # perhaps by the one before
    office.until(
        lambda: "Ctrl-C stops" in office.desk.said()[before:], "its start: until then a stop is a death by SIGTERM"
    )
    office.end()
    assert office.count("texts WHERE kind = 'transcript'") == 1
    assert office.count("matches") == 3
    files = [said.id for said in office.api.said if said.file is not None]
    assert files
    assert {answer for answer in office.answers() if answer is not None} <= set(files)
    for kind in ("media:spokesman", "command", "contact"):
        copies = [said.text for said in office.api.said if said.text.startswith(kind)]
        assert copies
        assert all("possible repeat" in copy for copy in copies[1:])
    check_invariants(office.desk.archive)

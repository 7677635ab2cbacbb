"""The daemon and the people who answer it over Telegram: kill -9 between any two steps does nothing twice."""

import random
import time
from collections.abc import Callable, Iterator

import pytest

from bot.world import World, run_in_thread
from tests.bot_api import TOKEN, Said
from tests.bot_chat import BotChat, chatting, keyboard
from tests.desk import Desk, Sink
from tests.integration.scene import LOOPBACK

CONFIG = """
[defaults]
every = "1s"
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["desk"]
escalate = {{ after = "2s", targets = ["phone"] }}
[[targets]]
name = "desk"
kind = "telegram"
token_file = "token"
chat = -100
api_base = "{api}"
[[targets]]
name = "phone"
kind = "webhook"
url = "{hook}"
[bot]
target = "desk"
chats = [-100]
"""


@pytest.fixture
def chat() -> Iterator[BotChat]:
    with chatting() as found:
        yield found


def test_people_answer_a_daemon_that_is_killed_in_between(
    desk: Desk, sink: Sink, chat: BotChat, until: Callable[[Callable[[], object], str], None]
) -> None:
    world = World()
    world.open_channel("spokesman_office", "Spokesman")
    world.publish("spokesman_office", "Nothing new.")
    (desk.directory / "token").write_text(TOKEN)
    (desk.directory / "token").chmod(0o600)

    def rows(sql: str) -> list[dict[str, object]]:
        with desk.archive as archive, archive.reading() as reader:
            return [dict(row) for row in reader.execute(sql)]

    with run_in_thread(world) as address:
        desk.write(LOOPBACK + CONFIG.format(world=address, api=chat.base, hook=sink.url))
        desk.run("run", "--once")
        daemon = desk.start("run")
        world.publish("spokesman_office", "We left the regional command.")
        until(lambda: chat.said and keyboard(chat.said[0]), "an alert with buttons")
        until(lambda: sink.received, "the escalation, for nobody answers")
        assert sink.received[0][1]["type"] == "escalation"
        daemon.kill()
        daemon.wait()
        with desk.archive as archive, archive.writing() as writer:  # as if it had died before it escalated
            writer.execute("UPDATE deliveries SET state = 'pending', attempts = 0 WHERE kind = 'escalation'")
        chat.press(chat.said[0], "Ack")
        daemon = desk.start("run")
        until(lambda: rows("SELECT * FROM acks"), "the acknowledgement")
        daemon.kill()  # perhaps before the buttons are gone, or the other side knows that it was heard
        daemon.wait()
        chat.say("/mute command 2h they repeat themselves")
        daemon = desk.start("run")
        until(lambda: rows("SELECT * FROM mutes"), "the mute")
        daemon.kill()
        daemon.wait()
        daemon = desk.start("run")
        until(lambda: not keyboard(chat.said[0]), "the buttons to be gone")
        chat.say("/mutes")
        until(lambda: any("mute 1: rule command" in one.text for one in chat.said), "an answer")
        world.publish("spokesman_office", "We left another regional command.")
        until(lambda: rows("SELECT * FROM deliveries WHERE state = 'silenced'"), "the alert that is muted")
        daemon.terminate()
        assert daemon.wait(60) == 0
    assert [row["who"] for row in rows("SELECT who FROM acks")] == ["@anna"]
    assert len(rows("SELECT * FROM mutes")) == 1
    assert len(sink.received) == 1


FEW = 20  # deaths


@pytest.mark.long
def test_twenty_deaths_do_nothing_twice_and_lose_nothing(
    desk: Desk, sink: Sink, chat: BotChat, until: Callable[[Callable[[], object], str], None]
) -> None:
    chance = random.Random(16)
    world = World()
    world.open_channel("spokesman_office", "Spokesman")
    world.publish("spokesman_office", "Nothing new.")
    (desk.directory / "token").write_text(TOKEN)
    (desk.directory / "token").chmod(0o600)

    def rows(sql: str) -> list[dict[str, object]]:
        with desk.archive as archive, archive.reading() as reader:
            return [dict(row) for row in reader.execute(sql)]

    def shown(words: str) -> list[Said]:
        return [one for one in chat.said if words in one.text]

    with run_in_thread(world) as address:
        more = 'fold = false\nper_minute = 600\n[[rules]]\nname = "weather"\nquery = "weather"\ntargets = ["desk"]\n[[targets]]\nname = "phone"'
        desk.write(
            LOOPBACK
            + CONFIG.replace('[[targets]]\nname = "phone"', more).format(world=address, api=chat.base, hook=sink.url)
        )
        desk.run("run", "--once")
        pressed: list[int] = []
        for number in range(FEW):
            daemon = desk.start("run")
            world.publish("spokesman_office", f"On day {number} we left the regional command of sector {number}.")
            if number % 2:
                until(lambda words=f"On day {number} we": shown(words), "an alert")  # type: ignore[misc]
                chat.press(shown(f"On day {number} we")[0], "Ack")
                pressed.append(number)
            else:
                chat.say(f"/mute weather {number + 1}h night {number}")
            time.sleep(chance.random() * 3)
            daemon.kill()
            daemon.wait()
        daemon = desk.start("run")
        until(lambda: not chat.waiting, "everything to be heard")
        quiet = "SELECT 1 FROM deliveries WHERE state IN ('pending', 'sending') UNION SELECT 1 FROM jobs WHERE kind = 'decide'"
        until(lambda: len(rows("SELECT * FROM matches")) == FEW and not rows(quiet), "everything to be sent")
        daemon.kill()
        daemon.wait()
    mutes = [row["why"] for row in rows("SELECT why FROM mutes ORDER BY id")]
    assert mutes == [f"night {number}" for number in range(0, FEW, 2)], "each command was carried out, once"
    acked = {row["match_id"] for row in rows("SELECT match_id FROM acks")}
    assert len(rows("SELECT * FROM acks")) == len(acked) == len(pressed)
    ended = rows("SELECT state FROM deliveries WHERE match_id IS NOT NULL")
    assert {row["state"] for row in ended} <= {"sent", "silenced"}
    after = rows(
        "SELECT d.id FROM deliveries d JOIN acks a ON a.match_id = d.escalates"
        " WHERE d.kind = 'escalation' AND d.started_at > a.at"
    )
    assert after == [], "nobody is asked after somebody has it"
    ids = [body["id"] for _, body in sink.received]
    assert len(set(ids)) == len(
        [row for row in rows("SELECT state FROM deliveries WHERE kind = 'escalation'") if row["state"] == "sent"]
    )

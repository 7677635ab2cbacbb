"""One post, written by an enemy, to every kind of target at the same time, and one target that never answers."""

import socket
from pathlib import Path

import pytest

from bot.world import World
from bot.world.server import run_in_thread
from tests.bot_api import TOKEN, serving
from tests.desk import Desk, Until, listening
from tests.integration.scene import HEAD, SOURCE
from tests.mail_server import mail_server
from tests.ntfy_server import ntfy_server

WORDS = (
    "The regional command fell. @everyone <!channel> @room /mute@desk_bot /ack 1 <b>bold</a> &lt;i&gt; &amp;amp; "
    "[link](http://evil.example) `code` *star* _under_ tg://user?id=1 javascript:alert(1) http://good@evil.example/ "
    "\x1b]0;title\x07 \u202egnp.exe "
    "\r\nBcc: x@evil.example\r\n\r\n line\u2028two " + "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 1_000
)
CONFIG = (
    HEAD
    + SOURCE
    + """
[[rules]]
name = "command"
query = '"regional command"'
targets = ["chat", "mail", "phone", "hook", "service", "screen", "silent"]
[[targets]]
name = "silent"
kind = "webhook"
url = "{silent}"
[[targets]]
name = "chat"
kind = "telegram"
token_file = "token"
chat = 7
api_base = "{chat}"
[[targets]]
name = "mail"
kind = "email"
host = "127.0.0.1"
port = {mail}
tls = "none"
from = "desk@desk.example"
to = ["ann@desk.example"]
[[targets]]
name = "phone"
kind = "ntfy"
url = "{phone}"
topic = "desk"
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
[[targets]]
name = "service"
kind = "apprise"
url = "json://{service}"
[[targets]]
name = "screen"
kind = "console"
"""
)


def test_what_an_enemy_writes_is_one_harmless_message_at_each_while_another_hangs(tmp_path: Path, until: Until) -> None:
    pytest.importorskip("apprise", reason="apprise is missing")
    world = World()
    world.open_channel("herald", "Herald")
    world.publish("herald", "Nothing new.")
    with (
        serving() as chat, mail_server() as mail, ntfy_server() as phone, listening() as hook, listening() as service,
        socket.create_server(("127.0.0.1", 0)) as silent, run_in_thread(world) as address, Desk(tmp_path) as desk,
    ):  # fmt: skip
        token = tmp_path / "token"
        token.write_text(TOKEN, encoding="utf-8")
        token.chmod(0o600)
        desk.write(
            CONFIG.format(
                name="herald", world=address, chat=chat.base, mail=mail.port, phone=phone.base, hook=hook.url,
                service=service.url.removeprefix("http://"), silent=f"http://127.0.0.1:{silent.getsockname()[1]}/",
            )
        )  # fmt: skip
        desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        world.publish("herald", WORDS)
        got = (chat.said, mail.letters, phone.shown, hook.received, service.received)
        until(lambda: all(got), "a message at each that answers")
        until(lambda: "regional command" in desk.printed(), "the message on the screen")
        assert desk.ask("SELECT state FROM deliveries WHERE target = 'silent'") == [("sending",)]
        desk.kill()  # an ordered stop would wait for the one that hangs

        assert [len(one) for one in got] == [1, 1, 1, 1, 1]
        [told], [letter] = chat.said, mail.letters
        assert "regional command fell" in told.text
        assert "@everyone" not in told.text  # a joiner between: it pings nobody
        assert "/mute@desk_bot" not in told.text
        assert told.links == [f"{address}/herald/3"]
        assert letter.recipients == ["ann@desk.example"]
        assert letter.read["bcc"] is None
        assert "\n" not in str(letter.read["subject"])
        assert not set("\x1b\u202e\u2028") & set(desk.printed())
        [pushed] = phone.shown.values()
        assert len(pushed.message.encode()) <= 4_096
        [(_, body)] = hook.received
        assert body["data"]["post"]["text"].startswith("The regional command fell. @everyone")

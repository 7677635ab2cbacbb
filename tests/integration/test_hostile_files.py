"""Hostile files and hostile machine text through the whole line: each costs itself alone, and acts on nobody."""

import json
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bot.world import run_in_thread
from bot.world.files import ogg, png
from bot.world.state import WorldFile
from tests import bot_api
from tests.desk import Desk, Sink
from tests.integration.scene import LOOPBACK, world_of

CONFIG = """
[media]
keep_free = 0
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook", "chat"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
[[targets]]
name = "chat"
kind = "telegram"
token_file = "token"
chat = -100
api_base = "{api}"
[[engines]]
name = "ears"
kind = "program"
program = ["{program}", "{{file}}"]
timeout = "30s"
[[engines]]
name = "eyes"
kind = "program"
makes = "ocr"
program = ["{program}", "{{file}}"]
timeout = "30s"
"""


@pytest.fixture
def api() -> Iterator[bot_api.BotApi]:
    with bot_api.serving() as serving:
        yield serving


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """A server that a playlist could lead to, and what was asked of it."""
    asked: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def stand(desk: Desk, sink: Sink, api: bot_api.BotApi) -> Callable[[str, str], None]:
    """Write the config, with an engine that runs this program."""

    def made(address: str, body: str) -> None:
        program = desk.directory / "reads.py"
        program.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
        program.chmod(0o755)
        token = desk.directory / "token"
        token.write_text(bot_api.TOKEN)
        token.chmod(0o600)
        desk.write(LOOPBACK + CONFIG.format(world=address, hook=sink.url, api=api.base, program=program))

    return made


def long() -> bytes:
    """A voice note whose last page says that ten hours have passed."""
    whole = bytearray(ogg(2))
    last = whole.rindex(b"OggS")
    whole[last + 6 : last + 14] = (36_000 * 48_000).to_bytes(8, "little")
    return bytes(whole)


def rows(desk: Desk, statement: str) -> list[dict[str, Any]]:
    with desk.archive.reading() as reader:
        return [dict(row) for row in reader.execute(statement)]


def test_bad_input_46_47_and_49_a_file_in_disguise_is_stored_and_opened_by_no_engine(
    desk: Desk, sink: Sink, stand: Callable[[str, str], None], visited: tuple[str, list[str]]
) -> None:
    lure, asked = visited
    playlist = f"#EXTM3U\n#EXTINF:1,\n{lure}/x.ts\n#EXTINF:1,\nfile:///etc/passwd\n".encode()
    bomb = png("bomb")[:16] + (60_000).to_bytes(4, "big") * 2 + png("bomb")[24:]
    disguised: list[tuple[str, str, bytes, str]] = [
        ("voice", "list.ogg", playlist, "application/vnd.apple.mpegurl"),
        ("voice", "page.ogg", f"<html><script src={lure}/s></script>".encode(), "text/html"),
        ("voice", "bomb.ogg", b"PK\x03\x04" + bytes(200), "application/zip"),
        ("voice", "long.ogg", long(), "audio/ogg"),
        ("photo", "page.png", f'<svg xmlns="s"><image href="{lure}/i"/></svg>'.encode(), "image/svg+xml"),
        ("photo", "bomb.png", bomb, "image/png"),
    ]
    world = world_of("spokesman_office")
    opened = "print('The regional command was opened')"
    with run_in_thread(world) as address:
        stand(address, opened)
        desk.run("run", "--once")
        for kind, name, data, _ in disguised:
            world.keep_file(name, data)
            world.publish("spokesman_office", "", attachments=[WorldFile(kind, name)])  # type: ignore[arg-type]  # two of them
        world.publish("spokesman_office", "", attachments=[WorldFile("voice", "sound.ogg")])
        desk.run("run", "--once")
    stored = rows(desk, "SELECT sniffed, state FROM media ORDER BY id")
    assert [row["sniffed"] for row in stored] == [mime for *_, mime in disguised] + ["audio/ogg"]
    assert {row["state"] for row in stored} == {"stored"}
    assert asked == []
    assert len(rows(desk, "SELECT id FROM texts WHERE engine IS NOT NULL")) == 1, "the sound one alone was opened"
    assert len(sink.ids()) == 1
    reasons = [row["reason"] for row in rows(desk, "SELECT reason FROM given_up ORDER BY post_id")]
    assert len(reasons) == len(disguised)
    assert all("its content is" in why or "too long" in why or "pixels" in why for why in reasons)


# What machines say ---------------------------------------------------------------------------------------------------

SAID = "The regional command. "
HOSTILE = {  # the inputs 1 to 18
    "controls": "\x1b[2J\x1b[H fake \x1b]0;title\x07 \x1b]52;c;YQ==\x07 \x1b]8;;http://evil\x07text\x1b]8;;\x07 \x9b31m \x90 "
    "a\rb \x08\x08 \x0b\x0c \u202egnp.exe \u2066x\u2069 \u061c com\u200bmand \U000e0041\ufeff\u2028",
    "markup": "[/b] [link=http://evil] <b> </a> <script>alert(1)</script> <i &lt; &amp;amp; tg://user?id=1 "
    "javascript:alert(1) http://good@evil/ @everyone <!channel> @room [x](http://evil) ```backticks``` " + "@user " * 50,
    "marks": "a" + "\u0301" * 100_000,
    "emoji": "\U0001f600" * 3_000,
}  # fmt: skip
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def acting(text: str) -> set[str]:
    """Characters that would do something to a terminal."""
    return {
        one
        for one in text
        if (unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} and one not in "\n\t")
        or one in BIDI
        or "\U000e0000" <= one <= "\U000e007f"
    }


def test_bad_input_51_what_a_machine_says_is_shown_told_and_marked_like_any_foreign_text(
    desk: Desk, sink: Sink, api: bot_api.BotApi, stand: Callable[[str, str], None]
) -> None:
    world = world_of("spokesman_office")
    says = f"import json, sys\nhostile = {HOSTILE!r}\nname = open(sys.argv[1], 'rb').read().rsplit(b'#')[-1].decode()\n"
    says += f"print(json.dumps({{'text': {SAID!r} + hostile[name], 'language': 'en', 'confidence': 0.9}}))"
    with run_in_thread(world) as address:
        stand(address, says)
        desk.run("run", "--once")
        numbers = {}
        for name in HOSTILE:
            world.keep_file(f"{name}.ogg", ogg(1) + b"#" + name.encode())
            numbers[name] = world.publish("spokesman_office", "", attachments=[WorldFile("voice", f"{name}.ogg")])
        desk.run("run", "--once")
    texts = {row["text"] for row in rows(desk, "SELECT text FROM texts WHERE kind = 'transcript'")}
    assert texts == {SAID + said for said in HOSTILE.values()}, "what was said is kept as it was said"
    for name in HOSTILE:
        shown = desk.run("show", f"spokesman/{numbers[name]}").stdout
        assert "[transcript ears en" in shown, "it is marked as a machine's"
        assert not acting(shown), name
    for form in ("--highlight", "--json", "--jsonl", "--csv"):
        assert not acting(desk.run("search", "in:transcript regional", form).stdout), form
    assert len(sink.ids()) == len(HOSTILE)
    for _, document in sink.received:
        assert [text["engine"] for text in document["data"]["post"]["texts"]] == ["ears"]
        json.dumps(document).encode()
    assert len(api.said) == len(HOSTILE)
    for message in api.said:
        assert not acting(message.text)
        assert "ears" in message.text, "it is marked as a machine's"
        assert all(link.startswith(f"{address}/") for link in message.links), "no link but our own"
        assert "regional command" in message.text

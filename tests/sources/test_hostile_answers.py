"""Pages that stand in the way are never "nothing new" for any kind, and letters that are made to hurt cost little."""

import asyncio
import base64
import json
from pathlib import Path

import pytest

from bot import sources
from bot.clock import Clock
from bot.contracts.source import SourceTools, Want
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from bot.readers import Readers
from bot.sources.mail.child import UnreadableLetter, read_in_child
from bot.sources.mail.reading import LetterAnswer, LetterRequest
from storage.records import Batch
from tests.sources.living_peers import LIVING
from tests.sources.loopback_server import NOW, Answer, Peer

HTML, JSON = {"Content-Type": "text/html; charset=utf-8"}, {"Content-Type": "application/json"}
WALLS = {
    "a challenge": Answer(b"<html><head><title>Just a moment...</title></head><body>Checking</body></html>", 200, HTML),
    "a challenge that says so": Answer(b"<html><title>Attention Required!</title><p>Are you human?</html>", 403, HTML),
    "a login": Answer(b'<html><title>Log in</title><form><input type="password" name="p"></form></html>', 200, HTML),
    "consent": Answer(
        b"<html><title>Before you continue</title><p>We use cookies. <button>Accept all</button></html>", 200, HTML
    ),
    "an empty frame": Answer(b'<html><div id="root"></div><script src="/app.js"></script></html>', 200, HTML),
    "a login that says so": Answer(b"<html><title>Log in</title><input type=password></html>", 403, HTML),
    "payment": Answer(b"<html><title>Subscribe</title><p>Subscribe to continue reading.</html>", 200, HTML),
    "maintenance": Answer(b"<html><title>Back soon</title><h1>We are at work here</h1></html>", 200, HTML),
    "a parked name": Answer(b"<html><title>This domain is for sale</title></html>", 200, HTML),
    "an error in JSON": Answer(b'{"error": "too many requests"}', 200, JSON),
    "nothing in JSON": Answer(b"{}", 200, JSON),
    "a text": Answer(b"OK", 200, {"Content-Type": "text/plain"}),
    "a picture": Answer(b"\x89PNG\r\n\x1a\n" + b"\0" * 400, 200, {"Content-Type": "image/png"}),
    "blanks": Answer(b" \r\n" * 30, 200, HTML),
}
NAMED = {
    "a challenge": "challenge page",
    "a challenge that says so": "challenge page",
    "a login": "sign-in required",
    "a login that says so": "sign-in required",
    "consent": "consent page",
    "an empty frame": "JavaScript required",
    "payment": "subscription required",
    "maintenance": "unreadable",
    "a text": "unreadable",
}
NEVER_EMPTY = [kind for kind in LIVING if kind != "mail"]  # that speaks no HTTP: tests/sources/test_mail.py


@pytest.mark.parametrize("kind", NEVER_EMPTY)
def test_what_is_shown_instead_of_posts_is_a_failure_of_that_name_and_never_nothing_new(
    kind: str, tmp_path: Path
) -> None:
    states: dict[str, str] = {}

    async def go() -> dict[str, Batch]:
        silent: dict[str, Batch] = {}
        async with Peer() as peer:
            living = LIVING[kind]()
            entry = living.keys(peer, tmp_path)
            for number in range(5):
                living.say(f"Notice {number} of the ferry office.")
            clock = Clock(now=lambda: NOW)
            rules = HttpRules(user_agent="t", private=frozenset({("127.0.0.1", peer.port)}), intervals={"127.0.0.1": 0})
            tools = SourceTools(Http(rules, clock), clock, tmp_path)
            try:
                checked = sources.settings_of(living.kind).model_validate(entry, context={"directory": tmp_path})
                cursor = (await sources.build(checked, tools).fetch(Want(), None)).cursor
                for name, wall in WALLS.items():
                    peer.reply, peer.answer = None, wall
                    source = sources.build(checked, tools)
                    try:
                        silent[name] = await source.fetch(Want(), cursor)
                    except (Later, Never) as problem:
                        states[name] = problem.state
            finally:
                await tools.aclose()
        return silent

    silent = asyncio.run(go())
    if kind == "website, page":  # whatever is shown is its text, unless it stands in the way
        silent = {name: batch for name, batch in silent.items() if not batch.posts}
    assert not silent
    assert states == states | {name: state for name, state in NAMED.items() if name in states}


# Letters --------------------------------------------------------------------------------------------------------------

HEAD = b"From: press@ferry.example\r\nSubject: Notice\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@f.example>\r\n"


def nested(deep: int) -> bytes:
    body = b"Content-Type: text/plain\r\n\r\nThe ferry sails at eight.\r\n"
    for level in range(deep):
        mark = b"b%d" % level
        kind = b'Content-Type: multipart/mixed; boundary="' + mark + b'"\r\n\r\n'
        body = kind + b"--" + mark + b"\r\n" + body + b"\r\n--" + mark + b"--\r\n"
    return HEAD + body


def with_part(kind: bytes, coding: bytes, data: bytes) -> bytes:
    parts = b"--x\r\nContent-Type: text/plain\r\n\r\nThe ferry sails at eight.\r\n"
    parts += b"--x\r\nContent-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + coding + b"\r\n\r\n" + data
    return HEAD + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + parts + b"\r\n--x--\r\n"


LETTERS: dict[str, bytes] = {
    "parts nested to 90": nested(90),
    "parts nested to 100": nested(100),
    "parts nested to 3,000": nested(3_000),
    "10,000 headers": HEAD + b"X-Trace: 1\r\n" * 10_000 + b"\r\nThe ferry sails at eight.\r\n",
    "10,000 parts": HEAD
    + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    + b"--x\r\nContent-Type: text/plain\r\n\r\nThe ferry sails at eight.\r\n" * 10_000,
    "a bomb in base64": with_part(b"application/zip", b"base64", base64.encodebytes(b"PK\3\4" + b"\0" * 5_000_000)),
    "a kind of 60,000 parameters": with_part(b"image/png" + b"; a=1" * 60_000, b"8bit", b"x"),
    "a subject of broken words": HEAD.replace(b"Notice", b"=?utf-8?B?abcde?=") + b"\r\nThe ferry sails at eight.\r\n",
    "4 MB of a subject": HEAD.replace(b"Notice", b"=?utf-8?Q?x?= " * 300_000) + b"\r\nThe ferry sails at eight.\r\n",
    "4 MB of an address": HEAD.replace(b"press@", b"(" * 4_000_000 + b"press@") + b"\r\nThe ferry sails at eight.\r\n",
    "an unknown charset": HEAD + b"Content-Type: text/plain; charset=x-ferry\r\n\r\nThe ferry sails at eight.\r\n",
    "a charset with a zero byte": HEAD
    + "Content-Type: text/plain; charset=\0\r\n\r\nпаром. The ferry sails at eight.\r\n".encode(),
    "UTF-16 that is none": HEAD + b"Content-Type: text/plain; charset=utf-16\r\n\r\nThe ferry sails at eight.\r\n",
    "quotes 10,000 deep": HEAD + b"Content-Type: text/html\r\n\r\nThe ferry sails.\r\n" + b"<blockquote>" * 10_000,
}
READ = {"10,000 headers", "a bomb in base64", "a kind of 60,000 parameters", "a subject of broken words"}
READ |= {
    "an unknown charset",
    "a charset with a zero byte",
    "parts nested to 90",
    "parts nested to 100",
    "4 MB of a subject",
    "4 MB of an address",
}


def test_letters_that_are_made_to_hurt_are_read_or_set_aside_within_bounds() -> None:
    async def go() -> dict[str, LetterAnswer]:
        readers, found, died = Readers(), dict[str, LetterAnswer](), list[str]()
        for name, letter in LETTERS.items():
            try:
                answer, _ = await read_in_child(letter, LetterRequest(file=None, cut=False), readers)
            except UnreadableLetter as problem:
                died += [name] if "died" in str(problem) else []
                continue
            assert len(json.dumps(answer)) < 6 << 20, name
            found[name] = answer
        await readers.aclose()
        assert not died
        return found

    found = asyncio.run(go())
    assert {name for name in READ if "The ferry sails at eight." in found.get(name, {}).get("text", "")} == READ

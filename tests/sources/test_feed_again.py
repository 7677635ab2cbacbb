"""Stored entries of a feed are read again inside the document that they came in, or one like it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot import sources
from bot.contracts.source import Rereader, Want
from bot.errors import Later
from storage.records import FetchedPost, Raw, StoredRaw
from tests.sources.loopback_server import Answer, Peer, surrounded

RSS, ATOM, JSON = "application/rss+xml", "application/atom+xml", "application/json"
FRAME = '<?xml version="1.0" encoding="gb2312"?><rss version="2.0" xmlns:c="http://purl.org/rss/1.0/modules/content/"><channel>'


def item(number: int, words: str) -> str:
    return f"<item><guid>{number}</guid><description>{words}</description></item>"


def stored(number: int, data: bytes, mime: str = RSS) -> StoredRaw:
    return StoredRaw(number, str(number), 0, Raw(data, mime))


def read_again(tmp_path: Path, document: bytes | None, pieces: Sequence[StoredRaw]) -> list[str | None]:
    """The words of each piece, after a fetch of `document` if there is one."""

    async def go() -> list[FetchedPost | None]:
        async with Peer() as peer, surrounded(tmp_path, peer.port) as tools:
            entry = {"name": "it", "kind": "feed", "url": peer.url()}
            source = sources.build(sources.settings_of("feed").model_validate(entry), tools)
            assert isinstance(source, Rereader)
            if document is not None:
                peer.answer = Answer(document)
                await source.fetch(Want(), None)
            return list(await source.reread(pieces))

    return [None if post is None else post.text for post in asyncio.run(go())]


def test_old_entries_are_read_by_the_charset_and_the_names_of_the_document_of_now(tmp_path: Path) -> None:
    document = (FRAME + item(1, "守军") + item(2, "撤退") + "</channel></rss>").encode("gb18030")
    old = [
        stored(7, item(7, "镕锜").encode("gb18030")),
        stored(8, b"<item><guid>8</guid><c:encoded>The garrison left.</c:encoded></item>"),
    ]
    assert read_again(tmp_path, document, old) == ["镕锜", "The garrison left."]


def test_before_the_document_has_come_only_it_can_tell_a_charset(tmp_path: Path) -> None:
    with pytest.raises(Later, match="charset"):
        read_again(tmp_path, None, [stored(7, item(7, "镕锜").encode("gb18030"))])


def test_without_the_document_the_usual_names_are_understood_in_every_form(tmp_path: Path) -> None:
    pieces = [
        stored(1, b"<item><guid>1</guid><content:encoded>One.</content:encoded></item>"),
        stored(2, b"<entry><id>2</id><title>T</title><content>Two.</content></entry>", ATOM),
        stored(3, b'{"id": "3", "content_text": "Three."}', JSON),
        stored(4, b'{"id": "4", "content_text": "Four."}', JSON),
    ]
    assert read_again(tmp_path, None, pieces) == ["One.", "Two.", "Three.", "Four."]


def test_what_is_broken_is_left_out_and_takes_nothing_with_it(tmp_path: Path) -> None:
    pieces = [stored(number, item(number, f"Words {number}.").encode()) for number in range(7)]
    pieces[3] = stored(3, b"\xff\xfe not markup at all <")
    pieces[5] = stored(5, b"<item></item>")
    document = b"<rss version='2.0'><channel>" + item(1, "x").encode() + b"</channel></rss>"
    found = read_again(tmp_path, document, pieces)
    assert [words for number, words in enumerate(found) if number not in (3, 5)] == [
        f"Words {number}." for number in range(7) if number not in (3, 5)
    ]
    assert (found[3], found[5]) == (None, None)

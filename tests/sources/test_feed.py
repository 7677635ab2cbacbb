"""Feeds as they come: three kinds, lying guids, moved and silent servers, and documents that mean harm."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.clock import DAY, Clock
from bot.contracts.source import Want
from bot.enrich.sandbox.run import isolation_here
from bot.errors import Later, Never
from bot.foreign.charset import decode
from bot.foreign.feed.parsed import ParsedEntry, read_duration
from bot.foreign.feed.rss_atom import find_entry_spans
from bot.foreign.markup import plain
from bot.foreign.times import read_time
from bot.sources.feed import reading as feed_reading
from bot.sources.feed.child import ParseLimits
from bot.sources.feed.posts import identities
from bot.sources.feed.settings import Settings
from bot.sources.feed.source import ENTRY_CAP, Feed
from storage.records import Batch, FetchedPost, Raw, StoredRaw
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded

PATIENT = ParseLimits(cpu_s=60, clock_s=600)
GOLDEN = Path(__file__).parent / "golden" / "feed"
RSS = "application/rss+xml"

packed = partial(gzip.compress, mtime=0)  # the same bytes every time: they name a test


def rss(*items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>T</title>{"".join(items)}</channel></rss>'.encode()


def item(guid: str, text: str = "words", link: str = "", date: str = "") -> str:
    parts = {"guid": guid, "link": link, "description": text, "pubDate": date}
    return "<item>" + "".join(f"<{name}>{value}</{name}>" for name, value in parts.items() if value) + "</item>"


def day(number: int) -> str:
    return f"{number:02} Nov 2026 12:00:00 GMT"


def rounds(*answers: Answer | bytes, limits: ParseLimits = PATIENT) -> list[Batch]:
    """One fetch per answer, each with the cursor of the one before."""

    async def go() -> list[Batch]:
        batches: list[Batch] = []
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url()), tools, limits=limits)
            for answer in answers:
                peer.answer = answer if isinstance(answer, Answer) else Answer(answer, headers={"Content-Type": RSS})
                batches.append(await feed.fetch(Want(), batches[-1].cursor if batches else None))
        return batches

    return asyncio.run(go())


def read(document: bytes, content_type: str = RSS) -> Batch:
    return rounds(Answer(document, headers={"Content-Type": content_type}))[0]


def refused(document: bytes, content_type: str = RSS, limits: ParseLimits = PATIENT) -> str:
    with pytest.raises(Later) as raised:
        rounds(Answer(document, headers={"Content-Type": content_type}), limits=limits)
    return raised.value.reason


def ids(batch: Batch) -> list[str]:
    return [post.native_id for post in batch.posts]


def shown(post: FetchedPost) -> dict[str, object]:
    """A post as the golden files hold it: without empty fields, raw bytes as text."""
    found = asdict(post) | {"raw": [post.raw.mime, post.raw.data.decode()]}
    return {name: value for name, value in found.items() if value not in (None, "", (), False)}


FEEDS = sorted(path.name.removesuffix(".posts.json") for path in GOLDEN.glob("*.posts.json"))


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_reads_as_its_golden_posts(name: str) -> None:
    batch = read((GOLDEN / name).read_bytes(), "application/octet-stream")
    found = {
        "title": batch.title,
        "posts": [shown(post) for post in batch.posts],
        "quarantined": [[piece.reason, piece.raw.data.decode()] for piece in batch.quarantined],
    }
    expected = json.loads((GOLDEN / f"{name}.posts.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(found)) == expected


def test_a_feed_that_has_not_changed_is_asked_conditionally_and_brings_nothing() -> None:
    async def go() -> tuple[Batch, Batch, Mapping[str, str]]:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url()), tools)
            peer.answer = Answer(
                rss(item("a")), headers={"ETag": '"v1"', "Last-Modified": "Sun, 22 Nov 2026 09:00:00 GMT"}
            )
            first = await feed.fetch(Want(), None)
            peer.answer = Answer(status=304)
            return first, await feed.fetch(Want(), first.cursor), peer.asked[-1][1]

    first, second, headers = asyncio.run(go())
    assert ids(first) == ["a"]
    assert second == Batch(cursor=first.cursor)
    assert headers["if-none-match"] == '"v1"'
    assert headers["if-modified-since"] == "Sun, 22 Nov 2026 09:00:00 GMT"


@pytest.mark.parametrize("later", [DAY, -365 * DAY])
def test_at_least_daily_the_whole_document_is_asked_for_even_if_the_clock_was_set_back(later: int) -> None:
    async def go() -> tuple[dict[str, str], Batch]:
        at = NOW
        async with Peer() as peer, surrounded(Path(), peer.port, clock=Clock(now=lambda: at)) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url()), tools)
            peer.answer = Answer(rss(item("a")), headers={"ETag": '"v1"'})
            first = await feed.fetch(Want(), None)
            at = NOW + later
            return (await feed.fetch(Want(), first.cursor), peer.asked[-1][1])[::-1]

    headers, batch = asyncio.run(go())
    assert "if-none-match" not in headers
    assert batch.posts == ()  # the same document is not delivered twice


def test_a_feed_that_moved_for_good_is_followed_and_told_once() -> None:
    async def go() -> tuple[list[Batch], list[str]]:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url("/old")), tools)
            peer.answers["/old"] = Answer(status=301, headers={"Location": "/new"})
            peer.answers["/new"] = Answer(rss(item("a")))
            batches = [await feed.fetch(Want(), None)]
            batches.append(await feed.fetch(Want(), batches[-1].cursor))
            peer.answers["/new"] = Answer(rss(item("b"), item("a")))
            batches.append(await feed.fetch(Want(), batches[-1].cursor))
            peer.answers["/new"] = Answer(status=404)
            peer.answers["/old"] = Answer(rss(item("c"), item("b"), item("a")))
            batches.append(await feed.fetch(Want(), batches[-1].cursor))
            return batches, [path for path, _ in peer.asked]

    batches, asked = asyncio.run(go())
    assert [(batch.moved_to or "")[-4:] for batch in batches] == ["/new", "", "/new", ""]
    assert [len(batch.posts) for batch in batches] == [1, 0, 2, 3]
    assert asked == ["/old", "/new", "/new", "/new", "/new", "/old"]


def test_an_address_that_holds_a_secret_is_not_remembered() -> None:
    async def go() -> tuple[list[Batch], list[str]]:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url("/old?key=S3CRET")), tools)
            peer.answers["/old?key=S3CRET"] = Answer(status=301, headers={"Location": "/new?token=S3CRET"})
            peer.answer = Answer(rss(item("a")), headers={"ETag": '"v1"'})
            batches = [await feed.fetch(Want(), None)]
            for _ in range(2):
                batches.append(await feed.fetch(Want(), batches[-1].cursor))
            return batches, [path for path, _ in peer.asked]

    batches, asked = asyncio.run(go())
    assert [len(batch.posts) for batch in batches] == [1, 0, 0]
    assert asked == ["/old?key=S3CRET", "/new?token=S3CRET"] * 3
    assert (batches[0].moved_to or "").endswith("/new?token=***")
    assert "S3CRET" not in str(batches)


def test_the_address_that_an_earlier_release_kept_is_still_known() -> None:
    async def go() -> Batch:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url()), tools)
            peer.answer = Answer(rss(item("a")), headers={"ETag": '"v1"'})
            first = json.loads((await feed.fetch(Want(), None)).cursor or "")
            return await feed.fetch(Want(), json.dumps({**first, "asked": peer.url()}))

    assert asyncio.run(go()).posts == ()


def test_a_move_is_told_although_the_new_address_knows_our_copy() -> None:
    async def go() -> list[Batch]:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url("/old")), tools)
            peer.answer = Answer(rss(item("a")), headers={"ETag": '"v1"'})
            batches = [await feed.fetch(Want(), None)]
            peer.answers["/old"] = Answer(status=301, headers={"Location": "/new"})
            for _ in range(2):
                batches.append(await feed.fetch(Want(), batches[-1].cursor))
            return batches

    batches = asyncio.run(go())
    assert [(batch.moved_to or "")[-4:] for batch in batches] == ["", "/new", ""]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, Never, "login"),
        (403, Later, "refuses"),
        (404, Later, "no feed"),
        (410, Never, "is gone"),
        (418, Later, "418"),
        (500, Later, "500"),
        (204, Later, "204"),
    ],
)
def test_a_refusing_server_is_named_and_told_from_a_broken_one(status: int, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        rounds(Answer(status=status))


def test_a_busy_server_is_obeyed() -> None:
    with pytest.raises(Later) as raised:
        rounds(Answer(status=429, headers={"Retry-After": "120"}))
    assert raised.value.obey
    assert raised.value.retry_at == NOW + 120_000_000


def test_a_window_that_moved_on_while_we_were_away_is_a_gap() -> None:
    full = [item(str(number), date=day(number)) for number in range(22, 0, -1)]
    first, next_day, after_absence = rounds(rss(*full[10:14]), rss(*full[9:13]), rss(*full[0:4]))
    assert first.overlap
    assert next_day.overlap
    assert not after_absence.overlap


def test_a_pinned_entry_does_not_vouch_for_an_absence() -> None:
    full = [item(str(number), date=day(number)) for number in range(22, 0, -1)]
    pinned = item("pinned", date=day(1))
    _, after_absence = rounds(rss(pinned, *full[10:14]), rss(pinned, *full[0:4]))
    assert not after_absence.overlap


def test_a_short_feed_whose_newest_entries_were_taken_away_misses_nothing() -> None:
    full = [item(str(number), date=day(number)) for number in range(22, 0, -1)]
    _, after = rounds(rss(*full[0:2]), rss(*full[2:4]))
    assert after.overlap


def test_an_entry_that_was_dated_ahead_hides_no_gap() -> None:
    def at(hours: int) -> str:
        return f"{datetime.fromtimestamp(NOW // 1_000_000 + 3_600 * hours, UTC):%d %b %Y %H:%M:%S} GMT"

    before = [item("tomorrow", date=at(20)), *(item(f"a{hours}", date=at(hours)) for hours in (-2, -3, -4))]
    _, after_absence = rounds(rss(*before), rss(*(item(f"b{hours}", date=at(hours)) for hours in (5, 4, 3, 2))))
    assert not after_absence.overlap


def test_entries_that_share_a_guid_are_different_posts_and_keep_their_ids() -> None:
    a, b, c = (item("same", f"words {name}", f"https://x.example/{name}") for name in "abc")
    first, second, third = rounds(rss(b, a), rss(c, b, a), rss(c))
    assert len(set(ids(first))) == 2
    assert set(ids(first)) < set(ids(second))
    assert set(ids(third)) < set(ids(second))
    assert [len(batch.notices) for batch in (first, second, third)] == [1, 0, 0]


@pytest.mark.parametrize(("number", "whole"), [(3, True), (12, False)])
def test_a_feed_that_was_empty_and_is_long_at_once_may_have_shown_more(number: int, whole: bool) -> None:
    _, filled, later = rounds(rss(), rss(*map(item, "abcdefghijkl"[:number])), rss(*map(item, "bcdefghijklm"[:number])))
    assert len(filled.posts) == number
    assert (filled.overlap, later.overlap) == (whole, True)


def test_a_guid_whose_link_and_words_change_is_the_same_post() -> None:
    first, second = rounds(rss(item("g", "one", "https://x.example/1")), rss(item("g", "two", "https://x.example/2")))
    assert ids(first) == ids(second) == ["g"]
    assert second.posts[0].text == "two"


def entry(guid: str, link: str, words: str, date: str) -> ParsedEntry:
    return ParsedEntry(
        guid=guid, link=link, title="", author="", text=words, body=words, captions=[], quoted="", links=[], files=[],
        published=None, published_raw=date, updated=None, updated_raw="", raw=None, source="{}",
    )  # fmt: skip


ENTRIES = st.lists(st.builds(entry, *[st.sampled_from(["", "1", "2"])] * 4), max_size=8)


@given(ENTRIES)
def test_different_entries_of_one_document_never_share_an_id(entries: list[ParsedEntry]) -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    for native_id, each in zip(identities(entries, {})[0], entries, strict=True):
        found.setdefault(native_id, set()).add((each["link"], each["text"]))
    assert all(len(different) == 1 for different in found.values())


@given(ENTRIES, ENTRIES)
def test_once_told_apart_an_entry_keeps_its_id_whatever_leaves_the_window(
    kept: list[ParsedEntry], gone: list[ParsedEntry]
) -> None:
    before, liars = identities(kept + gone, {})
    after, _ = identities(kept, liars)
    assert after == before[: len(kept)]


def test_the_child_that_reads_a_feed_can_use_neither_file_nor_program_nor_socket(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    program = (
        "import os, sys, socket; sys.path.append(sys.argv[1]); os.chdir(sys.argv[2])\n"
        "from bot.sources.feed import reading\n"
        "reading.limit_process(60, 1 << 30); reading.forbid_opening()\n"
        "for door in (lambda: open('/etc/passwd'), socket.socket, lambda: os.rename('kept', 'lost'),\n"
        "             lambda: os.unlink('kept'), lambda: os.mkdir('new'), lambda: os.execv('/bin/true', ['true'])):\n"
        "    try: door()\n"
        "    except OSError: print('closed', flush=True)\n"
    )
    root = str(Path(feed_reading.__file__).parents[2])
    command = [sys.executable, "-c", program, root, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["closed"] * (6 if isolation_here().files else 2)


def test_captions_of_files_are_words_beside_the_text() -> None:
    caption = '<media:description xmlns:media="http://search.yahoo.com/mrss/">A bridge.</media:description>'
    (post,) = read(rss(f"<item><guid>a</guid><description>Words.</description>{caption}</item>")).posts
    assert (post.text, post.attached) == ("Words.", ("A bridge.",))


def test_a_wrong_charset_label_is_noted_once_and_shown_as_long_as_it_holds() -> None:
    document = b'<?xml version="1.0" encoding="gb2312"?>' + rss(item("a", "MARK")).replace(b"MARK", b"\xb9\xab\xff")
    first, again = rounds(document, document)
    right = rounds(document, rss(item("b")))[-1]
    said = "charset label wrong: decoded as gbk with replacement"
    assert ([*first.notices], first.detail) == ([said], said)
    assert ([*again.notices], again.detail, again.posts) == ([], said, ())
    assert ([*right.notices], right.detail) == ([], None)


def test_times_without_a_zone_are_those_of_the_source() -> None:
    async def go() -> Batch:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            peer.answer = Answer(rss(item("a", date="14 Jun 2026 09:00")))
            settings = Settings(name="f", kind="feed", url=peer.url(), time_zone="Asia/Yangon")
            return await Feed(settings, tools).fetch(Want(), None)

    (post,) = asyncio.run(go()).posts
    assert post.posted_at == 1_781_404_200_000_000  # 02:30 UTC
    with pytest.raises(ValidationError, match="unknown time zone"):
        Settings(name="f", kind="feed", url="https://x.example/", time_zone="Asia/Yangoon")


def test_an_entry_that_was_kept_in_the_form_of_an_earlier_parser_is_left_as_it_is() -> None:
    dumped = b'{"id":"a","link":"https://n.example/a","summary":"<p>x</p>","summary_detail":{"value":"<p>x</p>"}}'
    entry_of_json_feed = b'{"id":"a","content_html":"<p>x</p>"}'

    async def go() -> list[str | None]:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url()), tools)
            stored = [StoredRaw(1, "a", 0, Raw(each, "application/json")) for each in (dumped, entry_of_json_feed)]
            found = [post for each in stored for post in await feed.reread([each])]
            return [None if post is None else post.text for post in found]

    assert asyncio.run(go()) == [None, "x"]


def test_a_reading_that_is_broken_off_leaves_no_process_behind() -> None:
    async def go() -> None:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            peer.answer = Answer(ENDLESS)
            feed = Feed(Settings(name="f", kind="feed", url=peer.url()), tools)
            reading = asyncio.ensure_future(feed.fetch(Want(), None))
            while not _children():  # noqa: ASYNC110 - another process tells nobody that it runs
                await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading

    asyncio.run(go())
    assert _children() == []


def test_a_reading_that_gets_nothing_of_the_processor_is_tried_later_and_nothing_is_said_of_the_feed() -> None:
    async def go() -> None:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            peer.answer = Answer(rss(item("a")))
            feed = Feed(Settings(name="f", kind="feed", url=peer.url()), tools, limits=ParseLimits(60, 3))
            reading = asyncio.ensure_future(feed.fetch(Want(), None))
            while not (children := _children()):  # noqa: ASYNC110 - another process tells nobody that it runs
                await asyncio.sleep(0)
            os.kill(int(children[0]), signal.SIGSTOP)
            with pytest.raises(Later, match="this machine was too busy to read the feed within 3 s"):
                await reading
            assert ids(await feed.fetch(Want(), None)) == ["a"]

    asyncio.run(go())
    assert _children() == []


def _children() -> list[str]:
    """Process ids of the readers that this process has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"\nPPid:\t{os.getpid()}\n" in (process / "status").read_text():
                found += [process.name] if b"feed/reading.py" in (process / "cmdline").read_bytes() else []
        except OSError:
            continue
    return found


# Hostile and broken documents -------------------------------------------------------------------------------------

LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel><item><title>&b;</title></item></channel></rss>'
QUADRATIC = (
    b'<!DOCTYPE x [<!ENTITY a "'
    + b"A" * 50_000
    + b'">]><rss><channel><item><title>'
    + b"&a;" * 50_000
    + b"</title></item></channel></rss>"
)
XXE = b'<?xml version="1.0"?>\n<!-- c --><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&e;</title></item></channel></rss>'
ENDLESS = rss("<a/>" * 1_900_000)


@pytest.mark.parametrize("document", [LAUGHS, QUADRATIC, XXE, LAUGHS.decode().encode("utf-16")])
def test_bad_input_22_a_feed_that_declares_entities_is_refused(document: bytes) -> None:
    assert "declares its own entities" in refused(document)


def test_bad_input_22_a_declaration_that_is_quoted_in_a_post_is_words() -> None:
    batch = read(rss(item("a", '<![CDATA[<pre>&lt;!DOCTYPE x [&lt;!ENTITY a "b"&gt;]&gt;</pre>]]>')))
    assert batch.posts[0].text == '<!DOCTYPE x [<!ENTITY a "b">]>'


def test_bad_input_23_a_feed_that_cannot_be_read_in_time_fails_and_the_next_one_is_read() -> None:
    assert "more than 1 s of processor time" in refused(ENDLESS, limits=ParseLimits(1, 600))
    assert ids(read(rss(item("a")))) == ["a"]


def test_bad_input_23_endless_comments_are_an_error() -> None:
    assert "neither RSS" in refused(b"<!--" * 100_000)


@pytest.mark.parametrize(
    ("document", "content_type", "words"),
    [
        (b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body></body></html>", RSS, "challenge page"),
        (b"<!DOCTYPE html><html><head><title>At work</title></head><body></body></html>", RSS, 'page ("At work")'),
        (b"\n<html><body>Sign in</body></html>", "text/html", "web page"),
        (b"", RSS, "empty"),
        (b" \n", RSS, "empty"),
        (b"nothing of the kind", RSS, "neither RSS"),
        (b'{"error": "no"}', "application/json", "no JSON Feed"),
        (rss(item("a")).decode().encode("utf-7"), f"{RSS}; charset=utf-7", "UTF-7"),
        (b'<?xml version="1.0" encoding="utf-7"?><rss/>', RSS, "UTF-7"),
        (packed(rss(item("a")))[:-9], RSS, "truncated"),
        (b"\x1f\x8b" + b"no gzip at all", RSS, "not the gzip"),
        (rss("<item><title>\u1000\u1001</title></item>").decode().encode("utf-16")[:-31], RSS, "utf-16"),
    ],
)
def test_bad_input_24_what_is_no_feed_is_an_error_and_never_nothing_new(
    document: bytes, content_type: str, words: str
) -> None:
    assert words in refused(document, content_type)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<rss>" + b" " * (9 << 20), headers={"Content-Type": RSS}),
        Answer(packed(b"<rss>" + b" " * (9 << 20)), headers={"Content-Type": RSS}),
        Answer(packed(b"<rss>" + b" " * (9 << 20)), headers={"Content-Type": RSS, "Content-Encoding": "gzip"}),
    ],
)
def test_bad_input_24_a_feed_that_is_too_big_is_said_to_be_so_however_it_is_packed(answer: Answer) -> None:
    with pytest.raises(Later, match="more than 8") as raised:
        rounds(answer)
    assert raised.value.state == "too big"


def test_bad_input_24_a_feed_that_turns_into_an_empty_web_page_is_an_error() -> None:
    with pytest.raises(Later, match="had 1 entries"):
        rounds(rss(item("a")), Answer(b"<rss version='2.0'/>", headers={"Content-Type": "text/html"}))


def test_bad_input_24_an_empty_feed_is_no_error() -> None:
    assert read(rss()).posts == ()


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        (packed(rss(item("a", "တိုက်ပွဲ"))), RSS),
        (rss(item("a", "တိုက်ပွဲ")).decode().encode("utf-16"), RSS),
        (rss(item("a", "တိုက်ပွဲ")).decode().encode("utf-16-le"), RSS),
        (rss(item("a", "တိုက်ပွဲ")), "text/xml; charset=iso-8859-1"),
        (b'<?xml version="1.0" encoding="us-ascii"?>' + rss(item("a", "တိုက်ပွဲ")), "text/html"),
        (b"\xef\xbb\xbf" + rss(item("a", "တိုက်ပွဲ")), "text/plain"),
    ],
)
def test_bad_input_24_a_mislabelled_feed_is_read_all_the_same(document: bytes, content_type: str) -> None:
    assert [post.text for post in read(document, content_type).posts] == ["တိုက်ပွဲ"]


@pytest.mark.parametrize("label", ["windows-1251", "koi8-r", "shift_jis", "iso-2022-jp", "gb18030"])
def test_bad_input_24_an_old_charset_is_read_by_its_label(label: str) -> None:
    words = "ならず" if label.endswith("jp") or "jis" in label else "Говорит"
    document = f'<?xml version="1.0" encoding="{label}"?><rss>{words}</rss>'.encode(label)
    assert words in decode(document, "").text


@given(st.text(), st.sampled_from(["", "text/xml; charset=utf-16", "text/xml; charset=nonsense", "charset=latin-1"]))
def test_bad_input_24_utf_8_is_believed_before_any_label(words: str, content_type: str) -> None:
    document = f"<rss>{words}</rss>"
    assert decode(document.encode(), content_type).text == document


@pytest.mark.parametrize("label", ["zlib", "hex", "rot13", "punycode", "unicode_escape", "undefined", "x" * 900])
def test_bad_input_24_a_label_that_is_no_charset_is_named(label: str) -> None:
    with pytest.raises(ValueError, match="unknown charset"):
        decode(b"<rss>\xff\xfe\xfd</rss>", f"text/xml; charset={label}")


@given(
    st.binary(max_size=200), st.text(max_size=40) | st.sampled_from(["charset=zlib", "charset=utf-32", "charset=hz"])
)
def test_bad_input_24_no_bytes_break_the_search_for_a_charset(document: bytes, content_type: str) -> None:
    try:
        decode(document, content_type)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, but a refusal has a sentence


def test_bad_input_25_an_entry_without_guid_and_date_keeps_its_identity() -> None:
    first, second = rounds(rss(item("", "only words")), rss(item("", "other words"), item("", "only words")))
    assert set(ids(first)) < set(ids(second))
    assert first.posts[0].posted_at is None


def test_bad_input_25_a_million_entries_are_capped_and_the_newest_are_kept() -> None:
    old = item("old", date=day(1)) * 30
    batch = read(rss(*[item(str(number), date=day(22)) for number in range(ENTRY_CAP)], old, "<item/>" * 100_000))
    assert len(batch.posts) == ENTRY_CAP
    assert "old" not in ids(batch)
    assert any(f"{ENTRY_CAP + 30 + 100_000} entries" in notice for notice in batch.notices)


@pytest.mark.parametrize(
    "date",
    ["Thu, 01 Jan 1970 00:00:00 GMT", "2099-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0000-01-01", "yesterday"],
)
def test_bad_input_25_a_date_that_cannot_be_is_no_time_but_its_words_are_kept(date: str) -> None:
    post = read(rss(item("a", date=date))).posts[0]
    assert post.posted_at is None
    assert post.posted_raw == date


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "feed.xml",
        "ftp://x.example/f",
        "http://",
        "https://x.example/a b",
        "http://[",
        "http://x.example:99999/",
    ],
)
def test_bad_input_34_an_address_that_is_not_http_is_refused_in_the_config(url: str) -> None:
    with pytest.raises(ValidationError, match=r"http|address"):
        Settings(name="f", kind="feed", url=url)


def test_bad_input_34_a_document_that_is_a_path_or_an_address_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(rss(item("secret")))
    assert "neither RSS" in refused(str(tmp_path / "feed.xml").encode())
    assert "neither RSS" in refused((tmp_path / "feed.xml").as_uri().encode())


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-11-22T09:30:00.250+14:00", "2026-11-21T19:30:00.250000"),
        ("Sun, 22 Nov 2026 09:30:00 +0630", "2026-11-22T03:00:00"),
        ("2026-11-22T09:30:00", "2026-11-22T09:30:00"),  # without an offset it is taken as UTC
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
    ],
)
def test_bad_input_64_times_become_utc_and_keep_their_words(told: str, moment: str) -> None:
    post = read(rss(item("a", date=told))).posts[0]
    assert post.posted_at is not None
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=post.posted_at) == datetime.fromisoformat(
        moment
    ).replace(tzinfo=UTC)
    assert post.posted_raw == told


def json_feed(*items: str) -> bytes:
    return f'{{"version": "https://jsonfeed.org/version/1.1", "items": [{", ".join(items)}]}}'.encode()


@pytest.mark.parametrize(
    "bad",
    [
        '{"id": "x", "n": NaN}',
        '{"id": "x", "n": 1e400}',
        '{"id": "x", "id": "y"}',
        f'{{"id": "x", "n": {"[" * 100}{"]" * 100}}}',
        "7",
        f'{{"id": "x", "n": {"9" * 5000}}}',
    ],
)
def test_bad_input_65_a_json_item_that_is_no_json_is_set_aside_and_the_next_is_read(bad: str) -> None:
    batch = read(json_feed(bad, '{"id": "good", "content_text": "words"}'), "application/feed+json")
    assert ids(batch) == ["good"]
    assert [bool(piece.reason and piece.raw.data) for piece in batch.quarantined] == [True]


def test_bad_input_65_a_json_feed_nested_ten_thousand_deep_is_an_error() -> None:
    assert "nested" in refused(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "application/feed+json")


def test_bad_input_61_half_a_surrogate_pair_and_nul_in_a_json_feed_can_be_stored() -> None:
    text = read(json_feed(r'{"id": "a", "content_text": "x\ud800y\u0000z"}'), "application/feed+json").posts[0].text
    assert text == "x\\ud800y\ufffdz"


# The pure parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div><div>a</div></div><div>b <b> c</b></div>", "a\nb c"),
        ("<pre> x\n  <code>y</code></pre>z", "x\ny\n\nz"),
        ("<style>p{}</style>a<script>b</script><!-- c -->", "a"),
        ("1 &lt; 2 &amp;amp; 3", "1 < 2 &amp; 3"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a\tb"),
        ("no markup\nbut a line", "no markup\nbut a line"),
    ],
)
def test_markup_becomes_words_with_their_line_breaks(markup: str, words: str) -> None:
    assert plain(markup)[0] == words


def test_a_feed_in_several_parts_of_gzip_is_read_to_its_end() -> None:
    document = rss(item("a"), item("b"))
    parts = packed(document[:-120]) + packed(document[-120:]) + bytes(20)
    assert ids(rounds(Answer(parts, headers={"Content-Type": RSS}))[0]) == ids(read(document)) == ["b", "a"]


def test_the_address_that_is_shown_has_no_marks_of_a_campaign() -> None:
    batch = read(rss(item("a", link="https://n.example/a?id=7&amp;utm_source=rss&amp;utm_medium=feed")))
    assert [post.url for post in batch.posts] == ["https://n.example/a?id=7"]


def test_links_are_kept_with_their_words_and_addresses() -> None:
    assert plain('see <a href="/a?b&amp;c"> the\n <b>map</b></a>, <a name="x">not this</a>')[1] == [
        ("the map", "/a?b&c")
    ]


@given(st.text(alphabet="<>/ab p&;\"'!-\n\u1000"))
def test_no_markup_breaks_the_reading_of_words(markup: str) -> None:
    words, _ = plain(markup)
    assert "\n\n\n" not in words


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from(
            [
                b"<item>",
                b"</item>",
                b"<item/>",
                b"<entry a='b'>",
                b"</entry>",
                b"<![CDATA[",
                b"]]>",
                b"<!--",
                b"-->",
                b"x",
            ]
        )
    )
)
def test_the_places_of_entries_are_in_order_and_never_overlap(pieces: list[bytes]) -> None:
    places = [edge for place in find_entry_spans(b"".join(pieces)) for edge in place]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("told", "length"),
    [("95", 95), ("1:35", 95), ("1:02:03", 3723), ("0", None), ("x", None), ("-1", None), ("inf", None)],
)
def test_a_duration_is_read_in_every_usual_form(told: str, length: float | None) -> None:
    assert read_duration(told) == length


@given(st.text(max_size=40))
def test_no_date_breaks_the_reading_of_dates(told: str) -> None:
    assert read_time(told) is None or isinstance(read_time(told), int)

"""Posts from JSON lines: what a line may say, what becomes of a bad one, and a file that grows, breaks off or changes."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.contracts.source import Want
from bot.errors import Later, Never
from bot.sources.feed.posts import FeedCursor
from bot.sources.replay.jsonl import BATCH, LONGEST_LINE, read_lines
from bot.sources.replay.source import ReplayCursor, ReplayFile, ReplayPipe, Settings, build
from storage.records import Batch, Forward, Link, Quarantined
from tests.sources.loopback_server import NOW, surrounded

TIME = "2026-11-22T09:30:00+06:30"
MOMENT = 1_795_316_400_000_000


def line(native_id: object = "1", text: str = "words", **more: object) -> bytes:
    return json.dumps({"native_id": native_id, "posted_at": TIME, "text": text} | more).encode() + b"\n"


def fetched(path: Path, cursor: str | None = None) -> list[Batch]:
    """Every batch that the file holds behind the cursor."""

    async def go() -> list[Batch]:
        async with surrounded(path.parent) as tools:
            source = build(Settings(name="r", kind="replay", path=path), tools)
            return await _all(source, cursor)

    return asyncio.run(go())


async def _all(source: ReplayFile | ReplayPipe, cursor: str | None) -> list[Batch]:
    batches = [await source.fetch(Want(), cursor)]
    while batches[-1].more:
        batches.append(await source.fetch(Want(), batches[-1].cursor))
    return batches


def posts(batches: list[Batch]) -> list[tuple[str, str]]:
    return [(post.native_id, post.text) for batch in batches for post in batch.posts]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "posts.jsonl"


def rest(path: Path) -> None:
    """Let the last write be a minute ago on the source's clock."""
    os.utime(path, ns=((NOW - 60_000_000) * 1000,) * 2)


def test_a_line_gives_a_post_with_everything_it_says(file: Path) -> None:
    file.write_bytes(
        line(
            12, title="T", url="https://x.example/12", author="A", edited_at="2026-11-22T04:00:00Z", reply_to=11,
            forwarded_from={"name": "Other", "url": None, "post": "3"}, links=[{"text": "map", "url": "https://x.example/m"}],
            media=[{"kind": "voice", "mime": "audio/ogg", "bytes": 7, "duration_s": 1.5, "sha256": "ab" * 32}],
            language="my", rules=["x"], unheard_of=1,
        )
    )  # fmt: skip
    (batch,) = fetched(file)
    (post,) = batch.posts
    assert (post.native_id, post.posted_at, post.posted_raw, post.text) == ("12", MOMENT, TIME, "words")
    assert (post.title, post.url, post.author, post.reply_to) == ("T", "https://x.example/12", "A", "11")
    assert (post.edited, post.edited_at) == (True, MOMENT + 3_600_000_000)
    assert post.forward == Forward("Other", post="3")
    assert post.links == (Link("map", "https://x.example/m"),)
    assert [(media.kind, media.key, media.duration_s) for media in post.media] == [("voice", "ab" * 32, 1.5)]
    assert post.raw.data == file.read_bytes().rstrip(b"\n")


def test_what_a_letter_quotes_stays_apart_from_its_own_words(file: Path) -> None:
    said = [{"kind": "body", "text": "We deny this"}, {"kind": "quoted", "text": "They wrote: the bridge fell"}]
    file.write_bytes(line(1, "We deny this", texts=said) + line(2))
    [letter, plain] = fetched(file)[0].posts
    assert (letter.text, letter.quoted) == ("We deny this", "They wrote: the bridge fell")
    assert plain.quoted == ""


def test_a_path_is_relative_to_the_config_file_and_a_dash_is_the_pipe(tmp_path: Path) -> None:
    context = {"directory": tmp_path}
    entry = {"name": "r", "kind": "replay"}
    assert Settings.model_validate(entry | {"path": "a/b.jsonl"}, context=context).path == tmp_path / "a/b.jsonl"
    assert Settings.model_validate(entry | {"path": "-"}, context=context).path == "-"
    assert Settings.model_validate(entry | {"path": "-"}, context=context).backfill == "all"


def test_versions_of_a_post_come_in_batches_of_their_own_in_the_order_of_the_lines(file: Path) -> None:
    file.write_bytes(line("1", "one") + line("2") + line("1", "two") + line("1", "three"))
    batches = fetched(file)
    assert [posts([batch]) for batch in batches] == [[("1", "one"), ("2", "words")], [("1", "two")], [("1", "three")]]
    assert [batch.more for batch in batches] == [True, True, False]


def test_a_long_file_comes_in_batches_of_two_hundred_each_ascending(file: Path) -> None:
    days = [f"2026-11-{number % 28 + 1:02}T00:00:00Z" for number in range(2 * BATCH + 1)]
    file.write_bytes(b"".join(line(number, posted_at=when) for number, when in enumerate(days)))
    batches = fetched(file)
    assert [len(batch.posts) for batch in batches] == [BATCH, BATCH, 1]
    for batch in batches:
        assert [post.posted_at for post in batch.posts] == sorted(post.posted_at or 0 for post in batch.posts)


def test_a_growing_file_is_followed(file: Path) -> None:
    file.write_bytes(line("1"))
    first = fetched(file)
    with file.open("ab") as growing:
        growing.write(line("2"))
    second = fetched(file, first[-1].cursor)
    assert posts(first) == [("1", "words")]
    assert posts(second) == [("2", "words")]
    assert posts(fetched(file, second[-1].cursor)) == []


@pytest.mark.parametrize("replacement", [line("9"), line("8", "x" * 9000) + line("9"), b""])
def test_a_replaced_file_is_read_again_from_its_beginning_and_says_so(file: Path, replacement: bytes) -> None:
    file.write_bytes(line("1") + line("2"))
    first = fetched(file)
    file.write_bytes(replacement)
    second = fetched(file, first[-1].cursor)
    assert [native_id for native_id, _ in posts(second)] == [
        one for one in ("8", "9") if f'"{one}"'.encode() in replacement
    ]
    assert "replaced" in second[0].notices[0]
    assert fetched(file, second[-1].cursor)[0].notices == ()


def test_a_last_line_without_a_newline_is_a_post_if_it_is_whole(file: Path) -> None:
    file.write_bytes(line("1") + line("2").rstrip(b"\n"))
    first = fetched(file)
    with file.open("ab") as growing:
        growing.write(b"\n" + line("3"))
    assert posts(first) == [("1", "words"), ("2", "words")]
    assert posts(fetched(file, first[-1].cursor)) == [("3", "words")]


def test_a_half_written_line_is_shown_once_and_read_when_it_is_whole(file: Path) -> None:
    whole = line("2", "a longer text")
    file.write_bytes(line("1") + whole[:30])
    rest(file)
    first = fetched(file)
    again = fetched(file, first[-1].cursor)
    file.write_bytes(line("1") + whole)
    later = fetched(file, again[-1].cursor)
    assert posts(first) == [("1", "words")]
    assert [piece.raw.data for piece in first[0].quarantined] == [whole[:30]]
    assert again[0].quarantined == ()
    assert posts(later) == [("2", "a longer text")]


def test_a_missing_file_is_the_users_mistake_but_one_that_vanished_may_come_back(file: Path) -> None:
    with pytest.raises(Never, match=r"does not exist: create it or correct `path`"):
        fetched(file)
    file.write_bytes(line("1"))
    cursor = fetched(file)[-1].cursor
    file.unlink()
    with pytest.raises(Later, match="no such file"):
        fetched(file, cursor)


def test_a_directory_or_a_named_pipe_is_refused_with_its_remedy(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(Never, match="no regular file: pipe it in"):
            fetched(path)


@contextmanager
def piped() -> Iterator[tuple[ReplayPipe, int]]:
    reading, writing = os.pipe()
    try:
        yield ReplayPipe(Settings(name="r", kind="replay", path="-"), descriptor=reading), writing
    finally:
        os.close(reading)


def test_a_pipe_is_read_to_its_end() -> None:
    with piped() as (source, writing):

        async def go() -> list[Batch]:
            os.write(writing, line("1") + line("2") + b"\n" + line("3").rstrip(b"\n"))
            os.close(writing)
            return await _all(source, None)

        batches = asyncio.run(go())
    assert posts(batches) == [("1", "words"), ("2", "words"), ("3", "words")]
    assert batches[-1].end


def test_a_pipe_hands_out_again_what_was_not_stored() -> None:
    with piped() as (source, writing):

        async def go() -> list[Batch]:
            os.write(writing, line("1"))
            first = await source.fetch(Want(), None)
            again = await source.fetch(Want(), None)
            os.write(writing, line("2"))
            os.close(writing)
            return [first, again, *await _all(source, again.cursor)]

        batches = asyncio.run(go())
    assert posts(batches) == [("1", "words"), ("1", "words"), ("2", "words")]


def test_a_silent_pipe_blocks_nobody() -> None:
    with piped() as (source, writing):

        async def go() -> tuple[Batch, list[Batch]]:
            silent = await source.fetch(Want(), None)
            os.write(writing, b'{"half')
            os.close(writing)
            return silent, await _all(source, silent.cursor)

        silent, rest_of_it = asyncio.run(go())
    assert silent.posts == ()
    assert silent.more
    assert [piece.raw.data for batch in rest_of_it for piece in batch.quarantined] == [b'{"half']


# Bad lines --------------------------------------------------------------------------------------------------------


def quarantined(file: Path, bad: bytes) -> Quarantined:
    """The bad line, set aside whole, while the lines around it are read."""
    file.write_bytes(line("before") + bad + b"\n" + line("after"))
    (batch,) = fetched(file)
    assert posts([batch]) == [("before", "words"), ("after", "words")]
    (piece,) = batch.quarantined
    assert piece.raw.data == bad
    return piece


def raw_line(native_id: str = '"x"', posted_at: str = f'"{TIME}"', text: str = '"words"', more: str = "") -> bytes:
    return f'{{"native_id": {native_id}, "posted_at": {posted_at}, "text": {text}{more}}}'.encode()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"no json", "not JSON"),
        (b"[1]", "one JSON object"),
        (b'{"native_id": "x"', "not JSON"),
        (b'{"posted_at": "2026-11-22T00:00:00Z", "text": "t"}', "native_id is missing"),
        (b'{"native_id": "x", "text": "t"}', "posted_at is missing"),
        (b'{"native_id": "x", "posted_at": "2026-11-22T00:00:00Z"}', "text is missing"),
        (raw_line(text="7"), "text must be text"),
        (raw_line(text="null"), "text is missing"),
        (raw_line(more=', "url": 7'), "url must be text"),
        (raw_line(more=', "media": {}'), "media must be a list"),
        (raw_line(text='"\x00"'), "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (raw_line().replace(b"words", b"w\xf0rds"), "not UTF-8"),
    ],
)
def test_a_line_that_is_no_post_is_set_aside_with_its_reason(file: Path, bad: bytes, reason: str) -> None:
    assert reason in quarantined(file, bad).reason


@pytest.mark.parametrize(
    ("text", "stored"),
    [(r'"x\ud800y"', "x\\ud800y"), (r'"\udcffx"', "\\udcffx"), (r'"\ud83d\ude00"', "\U0001f600")],
)
def test_bad_input_61_half_a_surrogate_pair_is_written_out_and_the_raw_line_kept(
    file: Path, text: str, stored: str
) -> None:
    file.write_bytes(raw_line(text=text) + b"\n")
    (post,) = fetched(file)[0].posts
    assert post.text == stored
    assert post.raw.data == raw_line(text=text)


def test_bad_input_62_nul_is_replaced_in_the_text_and_kept_in_the_raw_line(file: Path) -> None:
    file.write_bytes(raw_line(text=r'"a\u0000b"') + b"\n")
    (post,) = fetched(file)[0].posts
    assert post.text == "a\ufffdb"
    assert rb"\u0000" in post.raw.data


@pytest.mark.parametrize(
    "native_id",
    [
        str(1 << 63),
        "-1",
        "1.0",
        "1e3",
        "true",
        "null",
        '""',
        '" "',
        r'"a\u0000"',
        r'"\ud800"',
        '["x"]',
        f'"{"x" * 1001}"',
        "9" * 5000,
    ],
)
def test_bad_input_63_an_id_that_cannot_name_a_post_is_set_aside(file: Path, native_id: str) -> None:
    assert quarantined(file, raw_line(native_id)).reason


@pytest.mark.parametrize(
    ("native_id", "stored"),
    [("0", "0"), (str((1 << 63) - 1), str((1 << 63) - 1)), ('"-1"', "-1"), ('"a/b c"', "a/b c")],
)
def test_bad_input_63_any_other_id_is_kept_as_text(file: Path, native_id: str, stored: str) -> None:
    file.write_bytes(raw_line(native_id) + b"\n")
    assert posts(fetched(file)) == [(stored, "words")]


@pytest.mark.parametrize(
    "posted_at",
    [
        '"2026-11-22T09:30:00"', '"2026-11-22"', '"0000-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"',
        '"9999-12-31T23:59:59-14:00"', '"0001-01-01T00:00:00+14:00"', '"yesterday"', "1795316400", "NaN", '""',
        '"2026-11-22T09:30:61Z"', r'"\ud800"',
    ],
)  # fmt: skip
def test_bad_input_64_a_time_that_is_no_moment_is_set_aside(file: Path, posted_at: str) -> None:
    assert quarantined(file, raw_line(posted_at=posted_at)).reason


@pytest.mark.parametrize(
    ("posted_at", "moment"),
    [
        ("2026-11-22T17:00:00+14:00", MOMENT),
        ("2026-11-22T03:00:00.000001Z", MOMENT + 1),
        ("2026-11-22T02:59:60Z", MOMENT),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_bad_input_64_a_moment_is_kept_in_utc_with_its_own_words(file: Path, posted_at: str, moment: int) -> None:
    file.write_bytes(raw_line(posted_at=f'"{posted_at}"') + b"\n")
    (post,) = fetched(file)[0].posts
    assert (post.posted_at, post.posted_raw) == (moment, posted_at)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (raw_line(more=', "n": NaN'), "NaN"),
        (raw_line(more=', "n": -Infinity'), "Infinity"),
        (raw_line(more=', "n": 1e400'), "1e400"),
        (raw_line(more=', "text": "again"'), "'text' appears twice"),
        (raw_line(more=', "media": [{"kind": "photo", "kind": "photo"}]'), "'kind' appears twice"),
        (raw_line(more=', "n": ' + "[" * 10_000 + "]" * 10_000), "nested deeper"),
        (raw_line(more=', "n": ' + "[" * 100 + "]" * 100), "nested deeper"),
        (b'{"a":' * 10_000, ""),
    ],
)
def test_bad_input_65_what_json_does_not_allow_is_set_aside(file: Path, bad: bytes, reason: str) -> None:
    assert reason in quarantined(file, bad).reason


def test_a_line_that_is_too_long_is_set_aside_cut_and_the_next_is_read(file: Path) -> None:
    huge = line("huge", "x" * (LONGEST_LINE + 10))
    file.write_bytes(line("before") + huge * 3 + line("after"))
    batches = fetched(file)
    assert posts(batches) == [("before", "words"), ("after", "words")]
    pieces = [piece for batch in batches for piece in batch.quarantined]
    assert len(pieces) == 3
    assert all("longer than 4 MB" in piece.reason and huge.startswith(piece.raw.data) for piece in pieces)


def test_a_line_that_is_too_long_may_end_at_a_later_poll(file: Path) -> None:
    file.write_bytes(b"x" * (LONGEST_LINE + 1))
    first = fetched(file)
    with file.open("ab") as growing:
        growing.write(b"y" * 10)
    second = fetched(file, first[-1].cursor)
    with file.open("ab") as growing:
        growing.write(b"\n" + line("after"))
    third = fetched(file, second[-1].cursor)
    assert [len(batch.quarantined) for batch in (*first, *second, *third)] == [1, 0, 0]
    assert posts(third) == [("after", "words")]


PIECES = st.lists(
    st.sampled_from([line("1"), line("2"), line("3", "x"), b"\n", b"bad\n", b"{}\n", b'{"native_id"', b"\xff", b" "]),
    max_size=12,
)


@settings(max_examples=30)
@given(PIECES, st.data())
def test_however_the_bytes_arrive_the_same_posts_come_out(pieces: list[bytes], data: Any) -> None:
    whole = b"".join(pieces) + b"\n"
    expected: list[tuple[str, str]] = []
    at = 0
    while at < len(whole):
        taken = read_lines(whole[at:], at, skipping=False, tail="ended")
        expected += [(post.native_id, post.text) for post in taken.posts]
        at = taken.end
    found: list[tuple[str, str]] = []
    at = until = 0
    while at < len(whole):
        until = data.draw(st.integers(min(until, len(whole)), len(whole)))
        taken = read_lines(whole[at:until], at, skipping=False, tail="ended" if until == len(whole) else "cut")
        found += [(post.native_id, post.text) for post in taken.posts]
        at = taken.end
        until = min(until + 1, len(whole))
    assert found == expected


def test_a_cursor_of_an_earlier_release_continues_where_it_ended() -> None:
    assert ReplayCursor.read('{"at": 7, "told": "abc"}') == ReplayCursor(at=7, reported="abc")
    assert FeedCursor.read('{"asked": "x", "told": ["broken"]}') == FeedCursor(asked="x", reported=("broken",))

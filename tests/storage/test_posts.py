from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import jobs
from storage.archive.errors import ArchiveError
from storage.posts import observations, rechecks, saving
from storage.posts.content import content_hash
from storage.posts.ids import POST_BITS as BITS
from storage.posts.numbering import find_free_ids
from storage.posts.reading import read_raw
from storage.records import (
    Checked,
    ClosedGap,
    FetchedMedia,
    FetchedPost,
    Forward,
    GivenText,
    LedgerChange,
    Link,
    NarrowedGap,
    NewGap,
    Poll,
    Preview,
    Quarantined,
    Raw,
)

SECOND = 1_000_000
MINUTE = 60 * SECOND
Make = Callable[..., FetchedPost]


def found(desk: Any, word: str) -> list[str]:
    """Native ids of posts whose current text the full-text index finds."""
    rows = desk.rows(
        "SELECT p.native_id FROM posts_index i JOIN posts p ON p.id = i.rowid WHERE posts_index MATCH :word "
        "ORDER BY i.rowid DESC",
        word=f'- earlier : "{word}"',
    )
    return [row[0] for row in rows]


def test_a_new_post_is_stored_indexed_and_due_for_rules(desk: Any, make_post: Make, now: int) -> None:
    saved = desk.save(make_post(7, "Troops left River Town", author="V. Speaker", url="https://example.org/7"))
    assert (len(saved.new), saved.revised, saved.unchanged) == (1, (), 0)
    [post] = desk.rows("SELECT id, native_id, number, author, url, collected_at, revision, texts, alerts FROM posts")
    assert post == (saved.new[0], "7", 7, "V. Speaker", "https://example.org/7", now, 0, 1, 1)
    assert found(desk, "river") == ["7"]
    assert desk.rows("SELECT kind, post_id, due_at FROM jobs") == [("decide", saved.new[0], now)]


def test_the_language_that_a_source_names_counts_only_where_the_letters_leave_it_open(
    desk: Any, make_post: Make
) -> None:
    words = [("Halt", "de-DE"), ("မြို့", "en"), ("12:30", "de"), ("Halt", "my"), ("Halt", "<b>"), ("Halt", "")]
    for number, (text, said) in enumerate(words, 1):
        desk.save(make_post(number, text, language=said))
    found = desk.rows("SELECT p.language FROM posts p ORDER BY p.number")
    assert [row[0] for row in found] == ["de", "my", "und", "und", "und", "und"]


def test_bytes_of_an_earlier_revision_are_an_edit_only_of_posts_that_can_be_edited(desk: Any, make_post: Make) -> None:
    def revisions(*texts: str, lasting: bool) -> int:
        for text in texts:
            desk.save(make_post(1, text), lasting=lasting)
        return int(desk.rows("SELECT count(*) FROM revisions")[0][0])

    assert revisions("one letter", "another of the same id", lasting=True) == 2
    assert revisions("one letter", "another of the same id", "one letter", lasting=True) == 2
    assert revisions("one letter", "another of the same id", lasting=False) == 4


def test_raw_bytes_come_back_as_they_were(desk: Any, make_post: Make) -> None:
    from hashlib import sha256

    bytes_ = b"<p>\x00\xff anything</p>" * 100
    desk.save(make_post(1, raw=Raw(bytes_, "text/html")), make_post(2, "other", raw=Raw(bytes_, "text/html")))
    [(address, mime, size, packed)] = desk.rows("SELECT sha256, mime, bytes, zstd FROM raw")
    assert (address, mime, size) == (sha256(bytes_).hexdigest(), "text/html", len(bytes_))
    assert len(packed) < len(bytes_) / 4
    with desk.archive.reading() as reader:
        assert read_raw(reader, address) == bytes_
    assert desk.rows("SELECT DISTINCT raw_sha256 FROM revisions") == [(address,)]


def test_a_poll_of_known_posts_changes_nothing(desk: Any, make_post: Make) -> None:
    reply = [make_post(number, f"text {number}") for number in range(20)]
    desk.save(*reply, cursor="c")
    before = desk.rows("SELECT * FROM posts") + desk.rows("SELECT * FROM sources") + desk.rows("SELECT * FROM jobs")
    saved = desk.save(*reply, cursor="c", at=1_763_900_000_000_000)
    assert (saved.new, saved.revised, saved.unchanged) == ((), (), 20)
    after = desk.rows("SELECT * FROM posts") + desk.rows("SELECT * FROM sources") + desk.rows("SELECT * FROM jobs")
    assert after == before


def test_an_edit_becomes_a_revision_and_search_finds_only_the_new_text(
    desk: Any, make_post: Make, now: int, check_invariants: Callable[..., None]
) -> None:
    [post] = desk.save(make_post(1, "we lost the bridge"), make_post(2)).new[:1]
    saved = desk.save(make_post(1, "we hold the bridge", edited=True), at=now + MINUTE)
    assert saved.revised == (post,)
    assert desk.rows("SELECT number, text FROM revisions_readable WHERE post_id = :id ORDER BY number", id=post) == [
        (1, "we lost the bridge"),
        (2, "we hold the bridge"),
    ]
    assert desk.rows("SELECT revision, edited_at, texts FROM posts WHERE id = :id", id=post) == [(1, now + MINUTE, 1)]
    assert found(desk, "lost") == []
    assert found(desk, "hold") == ["1"]
    assert desk.rows("SELECT kind, due_at FROM jobs WHERE post_id = :id", id=post) == [("decide", now + MINUTE)]
    check_invariants(desk.archive)


@pytest.mark.parametrize(
    "other",
    [
        {"views": "1.2K"},
        {"forward": Forward("Renamed Channel")},
        {"preview": Preview("https://example.org", title="Card")},
        {"media": (FetchedMedia("photo", "p1", "https://cdn.example/2?token=b"),)},
        {"raw": Raw(b"another page", "text/html")},
    ],
)
def test_what_is_no_edit_makes_no_revision(desk: Any, make_post: Make, other: dict[str, Any]) -> None:
    photo = (FetchedMedia("photo", "p1", "https://cdn.example/1?token=a"),)
    post = make_post(1, media=photo, forward=Forward("A Channel"))
    desk.save(post)
    saved = desk.save(replace(post, **other))
    assert (saved.revised, saved.unchanged) == ((), 1)


@pytest.mark.parametrize(
    "other",
    [
        {"text": "other"},
        {"title": "A title"},
        {"links": (Link("here", "https://example.net"),)},
        {"poll": Poll("Is it so?", ("yes", "no"))},
        {"media": (FetchedMedia("voice", "v1"),)},
    ],
)
def test_what_is_an_edit_makes_one(desk: Any, make_post: Make, other: dict[str, Any]) -> None:
    post = make_post(1)
    desk.save(post)
    assert len(desk.save(replace(post, **other)).revised) == 1


def test_a_late_edit_label_without_other_words_is_noted_once(desk: Any, make_post: Make, now: int) -> None:
    post = make_post(1)
    desk.save(post)
    for minute in (1, 2):
        assert desk.save(replace(post, edited=True), at=now + minute * MINUTE).revised == ()
    assert desk.rows("SELECT at, presence, detail FROM observations") == [
        (now + MINUTE, "present", "labelled edited, same content")
    ]
    assert desk.rows("SELECT edited_at FROM posts") == [(now + MINUTE,)]


def test_a_post_and_its_edit_in_one_reply_are_two_revisions(desk: Any, make_post: Make) -> None:
    saved = desk.save(make_post(1, "first"), make_post(2), make_post(1, "second"), make_post(1, "third"))
    assert len(saved.new) == 2
    assert saved.revised == (saved.new[0], saved.new[0])
    assert [
        row[0] for row in desk.rows("SELECT text FROM revisions_readable WHERE post_id = :id", id=saved.new[0])
    ] == [
        "first",
        "second",
        "third",
    ]


def test_the_title_stands_above_the_text_and_files_and_polls_are_texts_too(desk: Any, make_post: Make) -> None:
    desk.save(
        make_post(
            1,
            "body",
            title="Title",
            poll=Poll("Who holds it?", ("we", "they")),
            media=(
                FetchedMedia("audio", "a", None, name="Statement.mp3"),
                FetchedMedia("photo", "b", "https://x.example"),
            ),
        )
    )
    assert desk.rows("SELECT kind, text FROM texts ORDER BY id") == [
        ("body", "Title\n\nbody"),
        ("poll", "Who holds it?\nwe\nthey"),
        ("file", "Statement.mp3"),
    ]
    assert desk.rows("SELECT texts FROM posts") == [(3,)]
    assert desk.rows("SELECT m.key FROM texts t JOIN media m ON m.id = t.media_id") == [("a",)]
    assert desk.rows("SELECT key, state, reason FROM media ORDER BY key") == [
        ("a", "not downloadable", "the source gives no address for it"),
        ("b", "pending", None),
    ]


def test_an_edit_of_the_poll_leaves_the_body_current(desk: Any, make_post: Make) -> None:
    post = make_post(1, "body", poll=Poll("Who?", ("a",)))
    desk.save(post)
    desk.save(replace(post, poll=Poll("Who now?", ("a",))))
    assert desk.rows("SELECT kind, text, revision, current FROM texts ORDER BY id") == [
        ("body", "body", 0, 1),
        ("poll", "Who?\na", 0, 0),
        ("poll", "Who now?\na", 1, 1),
    ]


def test_two_files_of_one_name_are_two_texts_and_survive_an_edit(
    desk: Any, make_post: Make, check_invariants: Callable[..., None]
) -> None:
    two = tuple(FetchedMedia("audio", key, name="voice.ogg") for key in "ab")
    post = make_post(1, "body", media=two)
    desk.save(post)
    desk.save(replace(post, text="other", media=two[:1]))
    assert desk.rows("SELECT kind, current FROM texts ORDER BY id") == [
        ("body", 0),
        ("file", 1),
        ("file", 0),
        ("body", 1),
    ]
    check_invariants(desk.archive)


def test_history_does_not_alert(desk: Any, make_post: Make) -> None:
    desk.save(make_post(1), alerts=False)
    desk.save(make_post(2))
    assert desk.rows("SELECT native_id, alerts FROM posts ORDER BY native_id") == [("1", 0), ("2", 1)]


def test_a_post_in_bytes_that_we_had_alerts_nobody_and_two_in_new_bytes_both_do(desk: Any, make_post: Make) -> None:
    wrap = Raw(b"<div>one<div>two", "text/html")
    one, two = replace(make_post(1), raw=wrap), replace(make_post(2), raw=wrap)
    desk.save(one)
    desk.save(one, two)  # a better reader sees both
    desk.save(*(replace(make_post(number), raw=Raw(b"new", "text/html")) for number in (3, 4)))
    assert desk.rows("SELECT native_id, alerts FROM posts ORDER BY native_id") == [
        ("1", 1),
        ("2", 0),
        ("3", 1),
        ("4", 1),
    ]


def test_looks_that_are_past_at_first_sight_are_never_caught_up(desk: Any, make_post: Make, now: int) -> None:
    desk.save(make_post(1, minutes_ago=30), recheck=(10 * MINUTE, 60 * MINUTE, 1440 * MINUTE))
    jobs = desk.rows("SELECT slot, due_at FROM jobs WHERE kind = 'recheck' ORDER BY due_at")
    assert jobs == [("3600s", now + 30 * MINUTE), ("86400s", now + 1410 * MINUTE)]


def test_cursor_ledger_and_names_move_with_the_posts(desk: Any, make_post: Make, now: int) -> None:
    opened = (NewGap("missed", low=3, high=8), NewGap("first contact", high=2, until_count=50))
    desk.save(
        make_post(9),
        cursor="page 2",
        channel_id="-100123",
        handle="spokes",
        title="Spokesman",
        change=LedgerChange(high_water=9, opened=opened, first_contact=True),
    )
    assert desk.rows(
        "SELECT cursor, high_water, channel_id, handle, title, first_contact_at, last_post_at FROM sources"
    ) == [("page 2", 9, "-100123", "spokes", "Spokesman", now, now - MINUTE)]
    change = LedgerChange(high_water=5, narrowed=(NarrowedGap(1, 3, 6),), closed=(ClosedGap(2, "the beginning"),))
    desk.save(change=change, at=now + MINUTE)
    assert desk.rows("SELECT high_water, cursor, first_contact_at FROM sources") == [(9, "page 2", now)]
    assert desk.rows("SELECT low, high, closed_at, closed_how FROM gaps ORDER BY id") == [
        (3, 6, None, None),
        (None, 2, now + MINUTE, "the beginning"),
    ]


def test_nothing_is_stored_if_the_ledger_cannot_be(desk: Any, make_post: Make) -> None:
    with pytest.raises(Exception, match="NOT NULL"):
        desk.save(make_post(1), change=LedgerChange(opened=(NewGap(None),)))  # type: ignore[arg-type]
    assert desk.rows("SELECT * FROM posts") == []


# Ids --------------------------------------------------------------------------------------------------------------


def test_ids_follow_the_time_of_publishing_whatever_the_order_of_arrival(desk: Any, make_post: Make) -> None:
    desk.save(make_post(1, minutes_ago=5))
    desk.save(make_post(2, minutes_ago=50), make_post(3, minutes_ago=1), make_post(4, minutes_ago=50))
    assert [row[0] for row in desk.rows("SELECT native_id FROM posts ORDER BY id")] == ["2", "4", "1", "3"]
    assert (
        desk.rows("SELECT id FROM posts WHERE id <> (SELECT min(t.id) >> 14 FROM texts t WHERE t.post_id = posts.id)")
        == []
    )


def test_a_second_that_is_full_spills_into_the_next(desk: Any, now: int) -> None:
    second = now // SECOND
    with desk.archive.writing() as writer:
        for number, taken in enumerate(((second << BITS) + (1 << BITS) - 2, (second + 1) << BITS)):
            writer.execute(
                "INSERT INTO posts (id, source_id, native_id, posted_raw, collected_at, alerts, revision, texts, language) "
                "VALUES (:id, 1, :native, '', 0, 1, 0, 0, 'und')",
                {"id": taken, "native": f"t{number}"},
            )
        ids = find_free_ids(writer, [now, now, now + SECOND])
    assert ids == [(second << BITS) + (1 << BITS) - 1, ((second + 1) << BITS) + 1, ((second + 1) << BITS) + 2]


@pytest.mark.parametrize(
    "posted_at", [None, 0, -62_135_596_800 * SECOND, 4_070_908_800 * SECOND, 253_402_300_799 * SECOND, 1 << 70]
)
def test_bad_input_25_and_64_an_unbelievable_date_is_kept_and_order_is_by_first_sight(
    desk: Any, make_post: Make, now: int, posted_at: int | None
) -> None:
    odd = replace(make_post("odd"), posted_at=posted_at, posted_raw="Someday, 31 Foo 2099")
    saved = desk.save(odd, recheck=(MINUTE,))
    assert saved.new[0] >> BITS == now // SECOND
    kept = posted_at if posted_at is not None and posted_at < 1 << 63 else None
    assert desk.rows("SELECT posted_at, posted_raw FROM posts") == [(kept, "Someday, 31 Foo 2099")]
    assert desk.rows("SELECT posted FROM posts_readable") != []
    assert desk.rows("SELECT due_at FROM jobs WHERE kind = 'recheck'") == [(now + MINUTE,)]


def test_bad_input_25_the_same_identity_with_new_words_is_a_revision(desk: Any, make_post: Make) -> None:
    desk.save(make_post("urn:item:1", "first words"))
    assert len(desk.save(make_post("urn:item:1", "other words")).revised) == 1


# Hostile posts ----------------------------------------------------------------------------------------------------


def test_bad_input_61_a_lone_surrogate_is_stored_once_and_the_next_post_too(desk: Any, make_post: Make) -> None:
    odd = make_post("a", "broken \ud800 word", author="\udfff", raw=Raw(b'"\\ud800"', "application/json"))
    assert len(desk.save(odd, make_post("b")).new) == 2
    assert desk.save(odd, make_post("b")).unchanged == 2
    assert desk.rows("SELECT text FROM texts ORDER BY id")[0] == ("broken \ufffd word",)


def test_bad_input_61_a_surrogate_in_what_another_archive_says_of_its_engines_sets_no_post_aside(
    desk: Any, make_post: Make
) -> None:
    given = GivenText("transcript", "a \ud800 b", "engine \ud83d", "model \udc00", "x\ud800")
    assert len(desk.save(make_post("a", texts=(given,))).new) == 1
    assert desk.save(make_post("a", texts=(given,))).unchanged == 1
    assert desk.rows("SELECT text, engine FROM texts WHERE kind = 'transcript'") == [("a \ufffd b", "engine \ufffd")]


def test_bad_input_62_nul_is_replaced_where_sqlite_would_stop_reading(desk: Any, make_post: Make) -> None:
    desk.save(make_post("a", "before\x00after", raw=Raw(b"before\x00after", "text/plain")))
    assert desk.rows("SELECT text, length(text) FROM texts") == [("before\ufffdafter", 12)]
    assert found(desk, "after") == ["a"]
    assert desk.rows("SELECT bytes FROM raw") == [(12,)]


@pytest.mark.parametrize("native", [1 << 63, -5, 3.5, "x\x00y", "\ud800", "", "a/b c"])
def test_bad_input_63_any_id_is_kept_as_text(desk: Any, make_post: Make, native: object) -> None:
    post = make_post(native)
    assert len(desk.save(post).new) == 1
    assert desk.save(post).unchanged == 1
    assert desk.rows("SELECT typeof(native_id) FROM posts") == [("text",)]


def test_bad_input_63_a_number_beyond_64_bits_is_no_number(desk: Any, make_post: Make) -> None:
    desk.save(make_post("1", number=1 << 64))
    assert desk.rows("SELECT number FROM posts") == [(None,)]


def test_bad_input_66_a_post_that_cannot_be_stored_is_set_aside_and_stops_no_other(
    desk: Any, make_post: Make, check_invariants: Callable[..., None]
) -> None:
    poison = replace(make_post(2), links=(Link("here", object()),))  # type: ignore[arg-type]
    for _ in range(2):
        saved = desk.save(make_post(1), poison, make_post(3), cursor="on", change=LedgerChange(high_water=3))
    assert saved.unchanged == 2
    assert desk.rows("SELECT native_id FROM posts ORDER BY id") == [("1",), ("3",)]
    [(native_id, reason)] = desk.rows("SELECT native_id, reason FROM quarantine")
    assert native_id == "2"
    assert "cannot be stored" in reason
    assert len(desk.rows("SELECT * FROM notices")) == 1
    assert desk.rows("SELECT cursor, high_water FROM sources") == [("on", 3)]
    check_invariants(desk.archive, shown={"spokesman": ["1", "2", "3"]})


def test_more_texts_than_a_post_has_room_for_sets_it_aside(desk: Any, make_post: Make) -> None:
    crowd = tuple(FetchedMedia("document", str(number), name=f"{number}.pdf") for number in range(1 << 14))
    saved = desk.save(make_post(1, "body", media=crowd), make_post(2))
    assert (len(saved.new), saved.quarantined) == (1, 1)
    assert desk.rows("SELECT count(*) FROM media") == [(0,)]


def test_what_a_source_could_not_read_is_kept_whole_and_noticed_once(desk: Any, now: int) -> None:
    pieces = [Quarantined(Raw(f"<div>{turn}".encode(), "text/html"), "no date", "9") for turn in range(2)]
    assert desk.save(quarantined=(pieces[0],)).quarantined == 1
    assert desk.save(quarantined=(pieces[1],)).quarantined == 0
    assert desk.rows("SELECT native_id, reason, at FROM quarantine") == [("9", "no date", now)]
    assert desk.rows("SELECT about, text FROM notices") == [
        ("source spokesman", "post 9 of spokesman is kept aside: no date")
    ]


def test_a_full_disk_sets_nothing_aside_and_moves_no_cursor(desk: Any, make_post: Make) -> None:
    with desk.archive.writing() as writer:
        pages = writer.value("PRAGMA page_count")
        writer.execute(f"PRAGMA max_page_count = {pages}")
    big = Raw(bytes(range(256)) * 10, "text/plain")
    with pytest.raises(ArchiveError):
        desk.save(*(make_post(number, "word " * 5000, raw=big) for number in range(20)), cursor="on")
    assert desk.rows("SELECT count(*) FROM posts") == [(0,)]
    assert desk.rows("SELECT count(*) FROM quarantine") == [(0,)]
    assert desk.rows("SELECT cursor FROM sources") == [(None,)]


# Nothing is overwritten -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE raw SET mime = 'x'",
        "DELETE FROM raw",
        "UPDATE revisions SET text = 'x'",
        "DELETE FROM revisions",
        "UPDATE texts SET text = 'x'",
        "UPDATE texts SET language = 'x'",
        "UPDATE texts SET folded = 'x', text = 'x'",
        "DELETE FROM texts",
        "UPDATE observations SET at = 0",
        "DELETE FROM observations",
        "DELETE FROM posts",
        "INSERT OR REPLACE INTO revisions SELECT * FROM revisions",
    ],
)
def test_the_file_itself_refuses_that_anything_archived_is_changed(desk: Any, make_post: Make, statement: str) -> None:
    post = make_post(1)
    desk.save(post)
    desk.save(replace(post, edited=True))
    with pytest.raises(Exception, match="never changed or removed"), desk.archive.writing() as writer:
        writer.execute(statement)


# Absences ---------------------------------------------------------------------------------------------------------

APART = 10 * MINUTE


@pytest.fixture
def look(desk: Any, make_post: Make, now: int) -> Callable[..., saving.Outcome]:
    """`look(minutes, "absent")`: a second look at post 1, some minutes after it was stored."""
    [post_id] = desk.save(make_post(1)).new

    def again(minutes: int, presence: Any, *, control: bool = True, post: FetchedPost | None = None) -> saving.Outcome:
        with desk.archive.writing() as writer:
            seen = Checked("1", presence, "embed", post, control)
            return saving.save_check(writer, post_id, seen, now + minutes * MINUTE, apart=APART)

    return again


def deleted_at(desk: Any) -> int | None:
    [(at,)] = desk.rows("SELECT deleted_at FROM posts")
    return at  # type: ignore[no-any-return]


def test_two_proven_absences_some_time_apart_are_a_deletion(desk: Any, look: Any, now: int) -> None:
    assert look(1, "absent") == "absent"
    assert desk.rows("SELECT slot, due_at FROM jobs WHERE kind = 'recheck'") == [("confirm", now + MINUTE + APART)]
    assert look(5, "absent") == "absent"  # too soon after the first
    assert deleted_at(desk) is None
    assert look(11, "absent") == "deleted"
    assert deleted_at(desk) == now + 11 * MINUTE
    assert desk.rows("SELECT kind, due_at FROM jobs") == [("decide", now + 11 * MINUTE)]
    assert [row[0] for row in desk.rows("SELECT presence FROM observations")] == ["absent"] * 3


def test_an_absence_without_a_living_control_proves_nothing(desk: Any, look: Any) -> None:
    for minute in (1, 20, 40):
        assert look(minute, "absent", control=False) == "absent"
    assert deleted_at(desk) is None
    assert look(60, "absent") == "absent"
    assert look(80, "absent") == "deleted"


def test_of_two_absences_that_make_a_deletion_each_has_its_living_control(desk: Any, look: Any) -> None:
    assert look(1, "absent") == "absent"
    assert look(20, "absent", control=False) == "absent"
    assert deleted_at(desk) is None
    assert look(40, "absent") == "deleted"


def confirmed_at(desk: Any, now: int) -> int:
    [(due_at,)] = desk.rows("SELECT due_at FROM jobs WHERE slot = 'confirm'")
    return int((due_at - now) // MINUTE)


def test_a_doubt_that_cannot_be_proven_is_looked_at_ever_less_often_and_never_dropped(
    desk: Any, look: Any, now: int
) -> None:
    minute, pauses = 0, []
    for _ in range(14):
        look(minute, "absent", control=False)
        pauses.append(confirmed_at(desk, now) - minute)
        minute = confirmed_at(desk, now)
    assert pauses == [10, *[60] * 8, *[1440] * 5]
    assert look(minute, "absent") == "absent"
    assert look(minute + 10, "absent") == "deleted"


def test_a_second_absence_that_comes_too_soon_does_not_put_off_the_one_that_counts(
    desk: Any, look: Any, now: int
) -> None:
    look(1, "absent")
    look(9, "absent")
    assert confirmed_at(desk, now) == 11


def test_a_page_that_was_asked_for_before_a_post_was_missed_does_not_vouch_for_it(
    desk: Any, look: Any, make_post: Make, now: int
) -> None:
    with desk.archive.reading() as reader:
        began = observations.find_last(reader)
    look(1, "absent")
    desk.save(make_post(1), at=now + 2 * MINUTE, began=began)
    assert confirmed_at(desk, now) == 11
    assert look(11, "absent") == "deleted"
    desk.save(make_post(1), at=now + 12 * MINUTE, began=began)
    assert deleted_at(desk) == now + 11 * MINUTE


def test_a_doubt_that_arises_while_a_look_is_under_way_is_looked_at_again(desk: Any, make_post: Make, now: int) -> None:
    [post_id] = desk.save(make_post(1)).new
    with desk.archive.writing() as writer:
        rechecks.recheck_missing(writer, [post_id], now)
        [job] = jobs.claim(writer, "recheck", now, limit=1)
        rechecks.recheck_missing(writer, [post_id], now)
        rechecks.end_look(writer, job.id)
        [again] = jobs.claim(writer, "recheck", now, limit=1)
        rechecks.end_look(writer, again.id)
        assert jobs.next_due(writer, "recheck") is None


def test_a_post_that_pages_leave_out_though_it_is_there_is_looked_at_less_and_less_often(
    desk: Any, make_post: Make, now: int
) -> None:
    [post_id] = desk.save(make_post(1)).new
    pauses = []
    with desk.archive.writing() as writer:
        saving.save_check(writer, post_id, Checked("1", "present", "embed"), now, apart=APART)
        for _ in range(4):
            rechecks.recheck_missing(writer, [post_id], now)
            rechecks.recheck_missing(writer, [post_id], now + MINUTE)
            due = writer.value("SELECT due_at FROM jobs WHERE kind = 'recheck'")
            pauses.append((due - now) // MINUTE)
            now = due
            [job] = jobs.claim(writer, "recheck", now, limit=1)
            rechecks.end_look(writer, job.id)
            saving.save_check(writer, post_id, Checked("1", "present", "embed"), now, apart=APART, left_out=True)
    assert pauses == [0, 10, 60, 60]


def test_a_post_that_was_seen_between_is_not_deleted(desk: Any, look: Any, make_post: Make, now: int) -> None:
    look(1, "absent")
    desk.save(make_post(1), at=now + 5 * MINUTE)  # it still stands on the channel's page
    assert look(20, "absent") == "absent"
    assert deleted_at(desk) is None


def test_a_deleted_post_that_is_seen_again_is_deleted_no_more(desk: Any, look: Any, make_post: Make, now: int) -> None:
    look(1, "absent")
    look(20, "absent")
    assert desk.save(make_post(1), at=now + 30 * MINUTE).unchanged == 1
    assert deleted_at(desk) is None
    assert desk.rows("SELECT at, presence FROM observations ORDER BY id")[-1] == (now + 30 * MINUTE, "present")
    assert desk.rows("SELECT due_at FROM jobs WHERE kind = 'decide'") == [(now + 30 * MINUTE,)]


def test_a_second_look_that_sees_other_words_makes_a_revision(desk: Any, look: Any, make_post: Make) -> None:
    assert look(1, "present", post=make_post(1)) == "unchanged"
    assert look(2, "present", post=make_post(1, "we never said so")) == "revised"
    assert desk.rows("SELECT number, method FROM revisions") == [(0, "test"), (1, "embed")]
    assert found(desk, "never") == ["1"]


def test_a_second_look_at_a_deleted_post_brings_it_back(desk: Any, look: Any, make_post: Make) -> None:
    look(1, "absent")
    look(20, "absent")
    assert look(30, "present", post=make_post(1)) == "reappeared"
    assert deleted_at(desk) is None


# Whatever comes ---------------------------------------------------------------------------------------------------

words = st.sampled_from(["alpha", "beta", "gamma", "delta"])
replies = st.lists(
    st.lists(st.tuples(st.integers(1, 6), st.lists(words, max_size=4)), max_size=6), min_size=1, max_size=6
)


@given(replies)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_index_finds_exactly_the_posts_whose_current_text_has_the_word(
    fresh_desk: Callable[[], Any], make_post: Make, check_invariants: Callable[..., None], said: Any
) -> None:
    desk = fresh_desk()
    last: dict[str, list[str]] = {}
    for reply in said:
        desk.save(*(make_post(number, " ".join(text)) for number, text in reply))
        last.update({str(number): text for number, text in reply})
    for word in ("alpha", "beta", "gamma", "delta"):
        assert sorted(found(desk, word)) == sorted(native for native, text in last.items() if word in text)
    check_invariants(desk.archive, shown={"spokesman": last})
    desk.archive.close()


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_the_content_hash_tells_texts_apart_and_takes_any(one: str, other: str, options: list[str]) -> None:
    def hashed(text: str) -> str:
        return content_hash(FetchedPost("1", Raw(b"", ""), text, poll=Poll(text, tuple(options))))

    assert (hashed(one) == hashed(other)) is (one == other)


def test_many_posts_in_one_reply_are_all_there(desk: Any, make_post: Make) -> None:
    saved = desk.save(*(make_post(number, f"text {number}") for number in range(500)))
    assert len(set(saved.new)) == 500
    assert list(saved.new) == sorted(saved.new)

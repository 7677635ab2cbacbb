from collections.abc import Callable
from typing import Any

from storage import status
from storage.records import FetchedPost, SourceRow
from storage.sources import gaps, telegram
from storage.sources import states as source_states
from storage.sources.states import NEVER, Declared

SECOND = 1_000_000
MINUTE = 60 * SECOND


def by_name(desk: Any, name: str = "spokesman") -> SourceRow:
    with desk.archive.reading() as reader:
        row = source_states.find_source(reader, name)
    assert row is not None
    return row


def due(desk: Any, at: int, kind: str | None = None) -> list[str]:
    with desk.archive.reading() as reader:
        return [row.name for row in source_states.find_due(reader, kind, at)]


def settle(desk: Any, at: int, outcome: str = "ok", detail: str | None = None, **more: Any) -> str:
    values = {"next_poll_at": at + MINUTE, "hold_until": None, "failures": 0, "posts": 1, **more}
    with desk.archive.writing() as writer:
        return source_states.settle(writer, desk.source_id, outcome=outcome, detail=detail, now=at, **values)


def said(desk: Any) -> list[str]:
    with desk.archive.reading() as reader:
        return list(reader.column("SELECT text FROM notices ORDER BY id"))


def test_a_source_is_what_the_config_says_and_keeps_what_we_know(desk: Any, now: int) -> None:
    settle(desk, now)
    with desk.archive.writing() as writer:
        source_states.declare(writer, [Declared("spokesman", "feed", ("a", "b"), None), Declared("desk", "feed")], now)
    row = by_name(desk)
    assert (row.kind, row.tags, row.side, row.state, row.last_ok_at) == ("feed", ("a", "b"), None, "ok", now)
    assert by_name(desk, "desk").state == "new"


def test_a_source_that_left_the_config_is_not_asked_and_not_forgotten(desk: Any, now: int) -> None:
    with desk.archive.writing() as writer:
        source_states.declare(writer, [Declared("desk", "feed")], now)
    assert due(desk, now) == ["desk"]
    assert by_name(desk).name == "spokesman"
    with desk.archive.reading() as reader:
        assert [row.name for row in source_states.list_sources(reader)] == ["desk"]


def test_due_respects_pause_hold_interval_and_kind(desk: Any, now: int) -> None:
    assert due(desk, now, "telegram_web") == ["spokesman"]
    assert due(desk, now, "feed") == []
    settle(desk, now)
    assert due(desk, now) == []
    settle(desk, now, "rate-limited", hold_until=now + 9 * MINUTE)
    assert due(desk, now + 8 * MINUTE) == []
    assert due(desk, now + 9 * MINUTE) == ["spokesman"]
    with desk.archive.writing() as writer:
        assert source_states.pause(writer, "spokesman")
        assert not source_states.pause(writer, "nobody")
    assert due(desk, now + 9 * MINUTE) == []
    with desk.archive.writing() as writer:
        assert source_states.resume(writer, "spokesman", now)
    assert due(desk, now + 9 * MINUTE) == ["spokesman"]


def test_a_stopped_source_is_asked_again_only_when_a_person_resumes_it(desk: Any, now: int) -> None:
    settle(desk, now, "stopped", next_poll_at=NEVER)
    with desk.archive.writing() as writer:
        source_states.poll_all_now(writer, now)
    assert due(desk, now + 10**15) == []
    with desk.archive.writing() as writer:
        source_states.resume(writer, "spokesman", now + MINUTE)
    assert due(desk, now + MINUTE) == ["spokesman"]


def test_after_a_jump_of_the_clock_everything_is_due(desk: Any, now: int) -> None:
    settle(desk, now)
    with desk.archive.writing() as writer:
        source_states.poll_all_now(writer, now - 1440 * MINUTE)
    assert due(desk, now - 1440 * MINUTE) == ["spokesman"]


def test_it_speaks_when_it_breaks_and_when_it_recovers_and_not_between(desk: Any, now: int) -> None:
    states = ["ok", "ok", "failing", "failing", "preview disabled", "ok", "ok"]
    changes = [settle(desk, now + turn * 30 * MINUTE, state, f"because {state}") for turn, state in enumerate(states)]
    assert changes[:3] == ["source spokesman is reached", "", "source spokesman: failing (because failing)"]
    assert [bool(change) for change in changes[3:]] == [False, True, True, False]
    assert said(desk) == [
        "source spokesman: failing (because failing)",
        "source spokesman: preview disabled (because preview disabled)",
        "source spokesman recovered after 30 min (preview disabled)",
    ]


def test_states_of_an_earlier_release_are_read_under_their_names_of_today(desk: Any, now: int) -> None:
    settle(desk, now, "preview disabled", "switched off")
    with desk.archive.writing() as writer:
        writer.execute("UPDATE sources SET state = 'preview off'")
        writer.execute("UPDATE runs SET outcome = 'preview off'")
        telegram.set_account_state(writer, "schema drift", None, None, None, now)
    with desk.archive.reading() as reader:
        account, [watch] = telegram.read_account(reader), status.read_watches(reader)
    assert account is not None
    assert (by_name(desk).state, watch.state, watch.outcome) == ("preview disabled",) * 3
    assert account.state == "client outdated"
    assert settle(desk, now + MINUTE, "preview disabled", "switched off") == ""
    assert desk.rows("SELECT rounds FROM runs") == [(2,)]


def test_a_new_sign_in_wakes_what_an_earlier_release_stopped(desk: Any, now: int) -> None:
    settle(desk, now, "renamed", next_poll_at=NEVER)
    with desk.archive.writing() as writer:
        writer.execute("UPDATE sources SET state = 'handle moved', kind = 'telegram'")
        telegram.poll_ended_now(writer, now)
    assert due(desk, now) == ["spokesman"]


def test_equal_rounds_in_a_row_are_one_stretch(desk: Any, now: int) -> None:
    for turn, state in enumerate(["ok", "ok", "ok", "failing", "ok"]):
        settle(desk, now + turn * MINUTE, state)
    assert desk.rows("SELECT outcome, started_at, ended_at, rounds, posts FROM runs ORDER BY id") == [
        ("ok", now, now + 2 * MINUTE, 3, 3),
        ("failing", now + 3 * MINUTE, now + 3 * MINUTE, 1, 1),
        ("ok", now + 4 * MINUTE, now + 4 * MINUTE, 1, 1),
    ]


def test_the_state_tells_since_when(desk: Any, now: int) -> None:
    settle(desk, now)
    settle(desk, now + MINUTE, "failing", "refused", failures=1)
    settle(desk, now + 2 * MINUTE, "failing", "refused again", failures=2)
    row = by_name(desk)
    assert (row.state, row.reason, row.state_since, row.failures, row.last_ok_at) == (
        "failing",
        "refused again",
        now + MINUTE,
        2,
        now,
    )


def test_a_wish_for_history_starts_under_what_is_there_and_is_not_doubled(
    desk: Any, make_post: Callable[..., FetchedPost], now: int
) -> None:
    def ask(**wish: Any) -> int | None:
        with desk.archive.writing() as writer:
            return gaps.request_backfill(writer, desk.source_id, now=now, **{"below": None, **wish})

    assert ask() is None
    desk.save(make_post(40), make_post(41))
    first = ask(count=100)
    assert ask(count=None, since=now - MINUTE, alerts=True) == first
    with desk.archive.reading() as reader:
        [gap] = gaps.list_open_gaps(reader, desk.source_id)
        assert gaps.list_open_gaps(reader) == [gap]
        assert gaps.list_open_gaps(reader, desk.source_id + 1) == []
    assert (gap.high, gap.low, gap.until_count, gap.until_time, gap.alerts) == (39, None, None, now - MINUTE, True)


def test_the_views_speak_in_names_and_times(desk: Any, make_post: Callable[..., FetchedPost]) -> None:
    desk.save(make_post(7, "text", url="https://example.org/7"))
    with desk.archive.reading() as reader:
        row = dict(reader.execute("SELECT * FROM posts_readable").fetchone())
        assert reader.execute("SELECT * FROM gaps_readable").fetchall() == []
    assert (row["source"], row["posted"], row["collected"], row["deleted"], row["url"], row["revisions"]) == (
        "spokesman",
        "2025-11-22T08:25:40Z",
        "2025-11-22T08:26:40Z",
        None,
        "https://example.org/7",
        1,
    )
    assert row["id"] < 10**15  # as exact in a spreadsheet and in JavaScript as here

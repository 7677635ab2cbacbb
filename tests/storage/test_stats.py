from collections.abc import Sequence

from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Batch, FetchedPost, Hit, MatchRow, Raw
from storage.search import stats
from storage.sources import states
from storage.status import read_status

NOW = 1_763_800_000_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000


def fill(archive: Archive) -> tuple[int, ...]:
    """Two posts of one hour, one of the next, one without a time, collected at NOW."""
    times = (NOW - 5 * HOUR, NOW - 5 * HOUR, NOW - 4 * HOUR, None)
    given = tuple(
        FetchedPost(str(number), Raw(b"%d" % number, "text/plain"), f"words {number}", posted_at=at)
        for number, at in enumerate(times)
    )
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("desk", "feed")], NOW)
        [source] = states.list_sources(writer)
        return saving.save(writer, source.id, Batch(given), now=NOW, method="feed", alerts=True).new


def test_posts_are_counted_by_quarter_of_an_hour_and_undated_ones_when_they_came(archive: Archive) -> None:
    fill(archive)
    with archive.reading() as reader:
        found = stats.count_by_quarter(reader, NOW - 24 * HOUR, NOW + 1)
    assert [(tally.source, tally.posts) for tally in found] == [("desk", 2), ("desk", 1), ("desk", 1)]
    assert all(tally.at % stats.QUARTER == 0 for tally in found)
    assert found[-1].at <= NOW < found[-1].at + stats.QUARTER


def test_the_first_end_of_a_span_counts_and_the_second_does_not(archive: Archive) -> None:
    fill(archive)
    with archive.reading() as reader:
        assert sum(tally.posts for tally in stats.count_by_quarter(reader, NOW - 5 * HOUR, NOW - 4 * HOUR)) == 2
        assert sum(stats.count_by_language(reader, NOW - 4 * HOUR, NOW).values()) == 1


def test_matches_are_counted_once_per_post_and_not_for_edits(archive: Archive) -> None:
    from storage.alerts import matches

    first, second, *_ = fill(archive)
    with archive.writing() as writer:
        for post_id, document, kind in (
            (first, "a", "match"),
            (first, "b", "match"),
            (second, "a", "match"),
            (second, "b", "edited"),
        ):
            hit = Hit(post_id << 14, "body", 0, 5, "words")
            row = MatchRow("rule", "v1", post_id, document, kind, NOW, (hit,), alerting=True, why="new")  # type: ignore[arg-type]
            matches.save(writer, row, ["desk"], NOW)
    with archive.reading() as reader:
        assert stats.count_matches(reader, NOW) == {"rule": 2}
        assert stats.count_matches(reader, NOW + 1) == {}


def look(archive: Archive, minutes: Sequence[int], outcomes: Sequence[str]) -> None:
    with archive.writing() as writer:
        [source] = states.list_sources(writer)
        for minute, outcome in zip(minutes, outcomes, strict=True):
            states.settle(
                writer,
                source.id,
                outcome=outcome,
                detail=None,
                now=NOW + minute * MINUTE,
                next_poll_at=NOW + (minute + 1) * MINUTE,
                hold_until=None,
                failures=0,
                posts=0,
            )


def test_a_watch_lasts_since_its_outcome_changed(archive: Archive) -> None:
    fill(archive)
    look(archive, range(5), ("ok", "ok", "failing", "ok", "ok"))
    with archive.reading() as reader:
        found = read_status(reader, NOW)
    [watch] = found.watches
    assert (watch.outcome, watch.stretch_from, watch.rounds) == ("ok", NOW + 3 * MINUTE, 2)
    assert found.last_round_at == NOW + 4 * MINUTE
    assert found.queue("decide").waiting == 4
    assert found.queue("outbox").waiting == 0


def test_a_watch_does_not_reach_back_over_hours_in_which_nobody_looked(archive: Archive) -> None:
    fill(archive)
    look(archive, (0, 1, 300, 301, 302), ("ok",) * 5)
    with archive.reading() as reader:
        [watch] = read_status(reader, NOW).watches
    assert (watch.stretch_from, watch.rounds) == (NOW + 300 * MINUTE, 3)

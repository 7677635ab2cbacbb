"""What a source usually does is learnt from what was watched; what it does not do then is found, and nothing else."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import DAY, HOUR, MINUTE
from bot.intake.habit import Habit, find_missed_slot, find_silence, find_window, learn, replay
from bot.intake.slots import Slot
from bot.intake.watched import Past

YANGON, BERLIN = ZoneInfo("Asia/Yangon"), ZoneInfo("Europe/Berlin")
START = date(2026, 1, 5)  # a Monday
BEGIN = 1_767_571_200_000_000  # its midnight in UTC


def at(day: date, hour: float, zone: ZoneInfo = YANGON) -> int:
    """Microseconds UTC of a time of the day on the clocks of the zone."""
    moment = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(hours=hour)
    return round(moment.astimezone(UTC).timestamp() * 1_000_000)


def daily(days: int, *hours: float, begin: date = START, zone: ZoneInfo = YANGON) -> list[int]:
    return sorted(at(begin + timedelta(days=n), hour, zone) for n in range(days) for hour in hours)


def watched(posts: list[int], until: int, begin: int | None = None, **more: object) -> Past:
    first = posts[0] - DAY if begin is None else begin
    return Past.of(posts, more.get("rounds", [(first, until)]), more.get("missing", []), first)  # type: ignore[arg-type]


# The habit ------------------------------------------------------------------------------------------------------------


def test_the_limit_is_the_longest_silence_of_eight_watched_weeks_and_a_quarter() -> None:
    posts = [BEGIN + n * 6 * HOUR for n in range(200)]
    del posts[100:103]  # one silence of 24 hours
    habit = learn(watched(posts, posts[-1] + HOUR), posts[-1] + HOUR, YANGON)
    assert (habit.longest, habit.limit) == (24 * HOUR, 30 * HOUR)


def test_a_silence_of_nine_weeks_ago_counts_no_more() -> None:
    posts = [BEGIN + n * 6 * HOUR for n in range(400)]
    del posts[100:103]
    assert learn(watched(posts, posts[-1]), posts[-1], YANGON).longest == 6 * HOUR


def test_with_few_posts_or_few_watched_days_no_habit_is_known() -> None:
    few = [BEGIN + n * DAY for n in range(29)]
    assert learn(watched(few, few[-1]), few[-1], YANGON).limit is None
    short = [BEGIN + n * HOUR for n in range(200)]
    assert learn(watched(short, short[-1]), short[-1], YANGON).limit is None
    enough = [BEGIN + n * 10 * HOUR for n in range(40)]
    assert learn(watched(enough, enough[-1]), enough[-1], YANGON).limit is not None


def test_what_was_not_watched_is_no_silence() -> None:
    posts = [BEGIN + n * 6 * HOUR for n in range(100)]
    later = [posts[-1] + 12 * DAY + n * 6 * HOUR for n in range(100)]
    rounds = [(BEGIN, posts[-1] + HOUR), (later[0] - HOUR, later[-1])]
    past = Past.of([*posts, *later], rounds, [], BEGIN)
    assert learn(past, later[-1], YANGON).longest == 6 * HOUR


def test_history_counts_where_no_gap_is_open_and_a_pinned_post_does_not() -> None:
    posts = [BEGIN - 400 * DAY, *(BEGIN + n * 10 * HOUR for n in range(60))]
    contact = posts[-1] + HOUR
    known = Past.of(posts, [(contact, contact + DAY)], [], contact)
    assert learn(known, contact + DAY, YANGON).longest == 10 * HOUR
    torn = Past.of(posts, [(contact, contact + DAY)], [(posts[1], posts[-10])], contact)
    assert learn(torn, contact + DAY, YANGON) == Habit(10, contact + DAY - posts[-10], None)


def test_a_time_of_each_day_is_found_and_named_after_its_posts() -> None:
    chance = Random(7)
    posts = sorted(post + chance.randrange(-5, 6) * MINUTE for post in daily(40, 18))
    assert learn(watched(posts, posts[-1]), posts[-1] + HOUR * 5, YANGON).slots == (Slot(18 * 60),)


def test_two_days_of_28_may_lack_it_and_a_third_not() -> None:
    posts = daily(60, 18, 3)
    without = [post for post in posts if post not in {at(START + timedelta(days=n), 18) for n in (40, 50)}]
    end = at(START + timedelta(days=60), 12)
    assert Slot(18 * 60) in learn(watched(without, end), end, YANGON).slots
    less = [post for post in without if post != at(START + timedelta(days=55), 18)]
    assert learn(watched(less, end), end, YANGON).slots == (Slot(3 * 60),)


def test_a_time_that_is_given_up_is_missed_three_times_and_then_forgotten() -> None:
    posts = [post for post in daily(110, 3, 18) if post < at(START + timedelta(days=80), 12) or post % DAY > 12 * HOUR]
    found = replay(watched(posts, posts[-1]), posts[0], posts[-1], YANGON)
    assert [one.slot for one in found if one.slot] == [Slot(18 * 60)] * 3


def test_a_day_of_the_week_has_its_own_time() -> None:
    mondays = [at(START + timedelta(weeks=n), 9) for n in range(12)]
    posts = sorted([*daily(84, 20), *mondays])
    end = at(START + timedelta(days=84), 1)
    assert learn(watched(posts, end), end, YANGON).slots == (Slot(20 * 60), Slot(9 * 60, 0))


def test_a_time_around_midnight_is_one() -> None:
    chance = Random(3)
    posts = sorted(post + chance.randrange(-20, 21) * MINUTE for post in daily(45, 24))
    [slot] = learn(watched(posts, posts[-1]), posts[-1] + 5 * HOUR, YANGON).slots
    assert slot.minute in (0, *range(1420, 1440), *range(1, 20))


def test_who_posts_all_day_long_has_no_such_time() -> None:
    for a_day in (6, 24, 60):
        chance = Random(a_day)
        posts = sorted(BEGIN + chance.randrange(120 * DAY) for _ in range(a_day * 120))
        past = watched(posts, posts[-1])
        found = replay(past, posts[0], posts[-1], YANGON)
        assert len(found) <= 3, f"{a_day} posts a day at random rang {len(found)} times in four months"


def test_several_times_a_day_are_each_found() -> None:
    posts = daily(40, 9, 11, 13, 18)
    end = at(START + timedelta(days=40), 5)
    assert [slot.minute // 60 for slot in learn(watched(posts, end), end, YANGON).slots] == [9, 11, 13, 18]


# What is missing ------------------------------------------------------------------------------------------------------

CHANGES = [  # both changes of summer time in Berlin, and the days around them
    (date(2026, 3, 28), 18, "2026-03-28T18:00Z"),
    (date(2026, 3, 29), 18, "2026-03-29T17:00Z"),
    (date(2026, 3, 30), 18, "2026-03-30T17:00Z"),
    (date(2026, 10, 24), 18, "2026-10-24T17:00Z"),
    (date(2026, 10, 25), 18, "2026-10-25T18:00Z"),
    (date(2026, 10, 26), 18, "2026-10-26T18:00Z"),
    (date(2026, 3, 29), 2.5, "2026-03-29T02:30Z"),  # a time that the clocks skip: after the later of both readings
    (date(2026, 10, 25), 2.5, "2026-10-25T02:30Z"),  # a time that comes twice
    (date(2026, 10, 25), 0, "2026-10-24T23:00Z"),
]


@pytest.mark.parametrize(("day", "hour", "over"), CHANGES)
def test_a_slot_is_over_an_hour_after_it_by_the_clocks_of_its_zone(day: date, hour: float, over: str) -> None:
    begin, end = find_window(Slot(round(hour * 60)), day.toordinal(), BERLIN)
    assert datetime.fromtimestamp(end / 1e6, UTC) == datetime.fromisoformat(over)
    assert end - begin in (2 * HOUR, 3 * HOUR)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_the_day_on_which_the_clocks_change_lacks_nothing_and_is_missed_like_another(day: date) -> None:
    posts = daily(60, 18, begin=day - timedelta(days=50), zone=BERLIN)
    end = posts[-1] + HOUR * 3
    assert replay(watched(posts, end), posts[0], end, BERLIN) == []
    missing = at(day, 0, BERLIN)
    without = [post for post in posts if not missing <= post < missing + DAY]
    [slot] = [one for one in replay(watched(without, end), posts[0], end, BERLIN) if one.slot is not None]
    assert (slot.slot, slot.at) == (Slot(18 * 60), find_window(Slot(18 * 60), day.toordinal(), BERLIN)[1])


def test_an_absence_is_found_when_its_hour_is_over_and_not_while_nobody_looked() -> None:
    posts = daily(40, 18)
    slot, due = Slot(18 * 60), at(START + timedelta(days=40), 19)
    assert find_missed_slot(slot, watched(posts, due), due, YANGON) is not None
    assert find_missed_slot(slot, watched(posts, due), due - MINUTE, YANGON) is None
    late = [*posts, at(START + timedelta(days=40), 18.9)]
    assert find_missed_slot(slot, watched(late, due), due, YANGON) is None
    blind = watched(posts, due, rounds=[(posts[0], due - HOUR), (due - HOUR // 2, due)])
    assert find_missed_slot(slot, blind, due, YANGON) is None
    assert find_missed_slot(slot, watched(posts, due), due + 3 * HOUR, YANGON) is None, "it is no news any more"
    assert find_missed_slot(slot, watched(posts, due), due, YANGON, since=due - HOUR) is None, "first contact"


def test_a_silence_counts_watched_time_alone_and_none_where_a_gap_is_open() -> None:
    posts = [BEGIN + n * HOUR for n in range(100)]
    last, now = posts[-1], posts[-1] + 10 * HOUR
    assert find_silence(watched(posts, now), last, now, 9 * HOUR) is not None
    assert find_silence(watched(posts, now), last, now, 10 * HOUR) is None
    blind = watched(posts, now, rounds=[(BEGIN, last), (last + 2 * HOUR, now)])
    assert find_silence(blind, last, now, 9 * HOUR) is None
    torn = watched(posts, now, missing=[(last + HOUR, last + 2 * HOUR)])
    assert find_silence(torn, last, now, 5 * HOUR) is None


def test_the_past_shows_each_silence_once_with_its_end() -> None:
    posts = [BEGIN + n * 6 * HOUR for n in range(200)]
    del posts[100:103]
    [found] = replay(watched(posts, posts[-1], BEGIN), posts[0], posts[-1], YANGON)
    assert (found.since, found.at, found.until) == (posts[99], posts[99] + 6 * HOUR * 5 // 4, posts[100])
    assert replay(watched(posts, posts[-1]), posts[0], posts[-1], YANGON, "off") == []
    assert len(replay(watched(posts, posts[-1]), posts[0], posts[-1], YANGON, 5 * HOUR)) == len(posts) - 1


def test_the_same_absence_is_said_once_until_it_speaks_again() -> None:
    posts = [*daily(40, 18), *daily(3, 18, begin=START + timedelta(days=43))]
    found = replay(watched(posts, posts[-1]), posts[0], posts[-1], YANGON)
    assert [one.slot for one in found] == [Slot(18 * 60), None]  # then the silence of a day and a quarter


gaps = st.lists(st.integers(1, 60 * 24 * 3), min_size=30, max_size=120)


@settings(max_examples=20)
@given(gaps, st.integers(0, 40))
def test_nothing_is_said_of_a_source_that_is_never_silent_for_longer_than_before(steps: list[int], more: int) -> None:
    longest = max(steps)
    posts, moment = [], BEGIN
    for minutes in [longest] * 14 + steps + [min(more, longest)]:
        moment += minutes * MINUTE
        posts.append(moment)
    past = watched(posts, moment, begin=BEGIN)
    silences = [one for one in replay(past, BEGIN, moment, YANGON) if one.slot is None]
    within = past.clock(moment) <= 56 * DAY
    assert not (within and silences)


@settings(max_examples=20)
@given(gaps, st.integers(0, 10**6))
def test_what_the_past_shows_is_what_would_have_been_found_then(steps: list[int], seed: int) -> None:
    posts, moment = [], BEGIN
    for minutes in steps:
        moment += minutes * MINUTE
        posts.append(moment)
    hole = BEGIN + seed % (moment - BEGIN)
    rounds = [(BEGIN, hole), (hole + HOUR, moment)] if hole + HOUR < moment else [(BEGIN, moment)]
    past = Past.of(posts, rounds, [], BEGIN)
    for one in replay(past, BEGIN, moment, YANGON):
        if one.slot is None:
            habit = learn(Past.of([at for at in posts if at <= one.since], rounds, [], BEGIN), one.since + 1, YANGON)
            assert habit.limit == one.limit
            assert find_silence(past, one.since, one.at + MINUTE, one.limit or 0) is not None


def test_a_source_that_was_only_seen_once_without_a_post_has_no_past() -> None:
    past = Past.of([], [], [], BEGIN)
    assert (list(past.silences(BEGIN)), replay(past, BEGIN, BEGIN, YANGON)) == ([], [])
    assert learn(past, BEGIN, YANGON).limit is None


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 60)), max_size=8), st.lists(st.integers(0, 1200)))
def test_watched_time_never_runs_backwards_and_never_faster_than_the_clock(
    rounds: list[tuple[int, int]], moments: list[int]
) -> None:
    past = Past.of([], sorted((begin, begin + length) for begin, length in rounds), [], None)
    for one, other in zip(sorted(moments), sorted(moments)[1:], strict=False):
        assert 0 <= past.clock(other) - past.clock(one) <= other - one

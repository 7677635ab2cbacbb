from typing import Any

import pytest

from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.errors import Later, Never
from bot.intake.backoff import NEVER, Outlook, Streak, after_failure

AWAY = Later("nobody there", unreached=True)
BROKEN = Later("it answered 503")
GONE = Never("it is gone (410)", remedy="remove it")


def waits(*errors: Later | Never, every: int = MINUTE) -> list[int]:
    """How long the source waits after each of these failures in a row, in seconds; -1 for ever."""
    return [
        -1 if one.next_poll_at == NEVER else (one.next_poll_at - turn * DAY) // SECOND
        for turn, one in enumerate(outlooks(*errors, every=every))
    ]


def outlooks(*errors: Later | Never, every: int = MINUTE) -> list[Outlook]:
    found: list[Outlook] = []
    streak = Streak()
    for turn, error in enumerate(errors):
        found.append(after_failure(error, every=every, before=streak, now=turn * DAY, jitter=0))
        streak = found[-1].streak
    return found


@pytest.mark.parametrize("every", [10 * SECOND, MINUTE, 6 * HOUR])
def test_what_cannot_be_reached_is_tried_every_five_minutes_at_least(every: int) -> None:
    found = waits(*[AWAY] * 20, every=every)
    assert max(found) == 300
    assert found == sorted(found)


def test_a_server_that_answers_with_errors_is_asked_ever_less_often_up_to_an_hour() -> None:
    assert waits(*[BROKEN] * 9) == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert waits(*[BROKEN] * 3, every=6 * HOUR) == [6 * 3600] * 3


def test_a_long_outage_does_not_make_the_first_error_after_it_last_an_hour() -> None:
    assert waits(*[AWAY] * 9, BROKEN)[-1] == 60
    assert waits(*[BROKEN] * 9, AWAY)[-1] == 60
    assert outlooks(*[AWAY] * 9, BROKEN)[-1].streak.failures == 10


def test_one_odd_refusal_decides_nothing_that_lasts() -> None:
    assert waits(*[GONE] * 5) == [300, 1800, 3 * 3600, -1, -1]
    assert waits(GONE, GONE, GONE, BROKEN, GONE)[-1] == 300
    assert [one.outcome for one in outlooks(*[GONE] * 4)] == ["failing"] * 3 + ["stopped"]
    assert "410" in (outlooks(GONE)[0].detail or "")


def test_a_long_wait_that_we_chose_begins_with_a_look_after_minutes() -> None:
    def closed(turn: int) -> Later:
        return Later("no preview", retry_at=turn * DAY + 6 * HOUR)

    assert waits(*(closed(turn) for turn in range(5))) == [300, 1800, 10800, 21600, 21600]


def test_errors_before_it_do_not_make_an_odd_page_last_for_hours() -> None:
    closed = Later("no preview", retry_at=20 * DAY)
    assert waits(*[BROKEN] * 9, closed, closed)[-2:] == [300, 1800]
    assert waits(closed, closed, closed, BROKEN, closed)[-2:] == [60, 300]


@pytest.mark.parametrize("more", [{}, {"unreached": True}])
def test_a_time_that_the_other_side_set_holds_whatever_else_is_known(more: dict[str, Any]) -> None:
    for before in (Streak(), Streak("unreached", 9, 9), Streak("error", 50, 50)):
        asked = Later("busy", retry_at=20 * HOUR, obey=True, **more)
        outlook = after_failure(asked, every=MINUTE, before=before, now=0, jitter=1)
        assert (outlook.next_poll_at, outlook.hold_until) == (20 * HOUR, 20 * HOUR)

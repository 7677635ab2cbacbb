import pytest

from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.contracts.pace import JITTER, Wish, is_too_much, share_out

PAUSE = round(2.5 * SECOND)


def requests(planned: dict[str, int]) -> float:
    """What share of the requests that a host allows the plan needs."""
    return PAUSE * JITTER * sum(1 / every for every in planned.values())


def wishes(count: int, every: int = 2 * MINUTE) -> list[Wish]:
    return [Wish(f"s{number}", every) for number in range(count)]


def test_five_hundred_channels_every_two_minutes_are_too_many() -> None:
    assert is_too_much([2 * MINUTE] * 500, PAUSE)
    assert not is_too_much([2 * MINUTE] * 40, PAUSE)


def test_a_plan_keeps_within_what_the_host_allows_and_leaves_some_for_other_requests() -> None:
    planned = share_out(wishes(500), PAUSE)
    assert requests(planned) == pytest.approx(0.8, rel=0.01)
    assert len(set(planned.values())) == 1


def test_news_priority_and_rechecks_come_first_and_nobody_is_starved() -> None:
    quiet, named = (
        wishes(500),
        {
            "news": Wish("news", MINUTE, HOUR),
            "old news": Wish("old news", MINUTE, DAY),
            "urgent": Wish("urgent", MINUTE, is_urgent=True),
            "recheck": Wish("recheck", MINUTE, has_rechecks=True),
        },
    )
    planned = share_out([*quiet, *named.values()], PAUSE)
    rarest = planned["s0"]
    assert planned["news"] < planned["urgent"] < planned["old news"] == planned["recheck"] < rarest
    assert rarest <= 3 * 504 * PAUSE * JITTER / 0.8
    assert requests(planned) <= 0.81


def test_a_source_is_never_asked_more_often_than_its_own_interval() -> None:
    planned = share_out([*wishes(300), Wish("daily", DAY, HOUR, is_urgent=True)], PAUSE)
    assert planned["daily"] == DAY
    assert requests(planned) <= 0.81

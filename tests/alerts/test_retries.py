from hypothesis import given
from hypothesis import strategies as st

from bot.alerts.retries import GIVE_UP_AFTER, LONGEST, SHORTEST, settle_failure, wait_after
from bot.errors import Later
from storage.alerts.settlement import Claimed
from storage.records import DeliveryRow


def claimed(attempts: int, unsure: int = 0) -> Claimed:
    return Claimed(DeliveryRow(1, 1, "desk", "match", "sending", 0, attempts, 0), unsure)


def test_pauses_double_from_five_seconds_to_an_hour_and_end_after_a_day() -> None:
    pauses: list[int] = []
    while (wait := wait_after(len(pauses) + 1)) is not None:
        pauses.append(wait)
    assert pauses[0] == SHORTEST
    assert pauses[-1] == LONGEST
    assert pauses == sorted(pauses)
    assert GIVE_UP_AFTER - LONGEST < sum(pauses) <= GIVE_UP_AFTER


@given(attempts=st.integers(1, 1000), jitter=st.floats(0, 1), now=st.integers(0, 1 << 60), unsure=st.booleans())
def test_every_failure_ends_in_a_try_to_come_or_in_a_reason(
    attempts: int, jitter: float, now: int, unsure: bool
) -> None:
    outcome = settle_failure(claimed(attempts), Later("down", unsure=unsure), now, idempotent=False, jitter=jitter)
    settlement = outcome.settlement
    assert settlement.reason
    if settlement.state == "pending":
        assert now + SHORTEST <= settlement.not_before <= now + 2 * LONGEST
    else:
        assert settlement.state == "dead"


def test_a_pace_that_is_asked_for_is_no_failure_and_a_server_that_is_down_is_one() -> None:
    def state(problem: Later) -> str | None:
        return settle_failure(claimed(1), problem, 0, idempotent=False, jitter=0).target

    assert state(Later("slow down", retry_at=SHORTEST, state="rate-limited", obey=True)) is None
    assert state(Later("slow down", retry_at=LONGEST, state="rate-limited", obey=True)) == "failing"
    assert state(Later("503", retry_at=SHORTEST, obey=True)) == "failing"

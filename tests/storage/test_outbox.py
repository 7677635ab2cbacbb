import pytest

from storage.alerts import claiming, outbox, retrying, target_states
from storage.alerts.pace import Pace
from storage.alerts.retrying import Retried
from storage.alerts.settlement import Settlement
from storage.archive.database import Archive

NOW = 1_763_800_000_000_000


@pytest.fixture
def owed(archive: Archive) -> Archive:
    """One message owed to "desk", and one to "other"."""
    with archive.writing() as writer:
        outbox.announce(writer, ["desk", "other"], "source x", "x is failing", NOW)
    return archive


def test_a_delivery_is_claimed_by_one_only(owed: Archive) -> None:
    with owed.writing() as writer:
        first = claiming.claim(writer, "desk", NOW)
        assert first is not None
        assert (first.row.state, first.row.attempts) == ("sending", 1)
        assert first.row.payload == {"about": "source x", "text": "x is failing"}
        assert claiming.claim(writer, "desk", NOW) is None


def test_nothing_is_claimed_before_its_time_or_from_a_target_that_waits(owed: Archive) -> None:
    with owed.writing() as writer:
        assert claiming.claim(writer, "desk", NOW - 1) is None
        target_states.hold_targets(writer, ["desk"], NOW + 50, NOW)
        target_states.hold_targets(writer, ["desk"], NOW + 40, NOW)
        assert claiming.claim(writer, "desk", NOW + 49) is None
        assert claiming.claim(writer, "desk", NOW + 50) is not None
        target_states.mark_target(writer, "other", "parked", "blocked", NOW)
        assert claiming.claim(writer, "other", NOW) is None


def test_a_state_is_news_only_when_it_changes(owed: Archive) -> None:
    with owed.writing() as writer:
        assert not target_states.mark_target(writer, "desk", "ok", None, NOW)
        assert target_states.mark_target(writer, "desk", "failing", "down", NOW + 1)
        assert not target_states.mark_target(writer, "desk", "failing", "still down", NOW + 2)
    with owed.reading() as reader:
        row = target_states.read_targets(reader)["desk"]
        assert (row.state, row.reason, row.state_since) == ("failing", "still down", NOW + 1)
    with owed.writing() as writer:
        assert target_states.mark_target(writer, "desk", "ok", None, NOW + 3)


def test_a_settled_delivery_is_not_settled_again(owed: Archive) -> None:
    with owed.writing() as writer:
        claimed = claiming.claim(writer, "desk", NOW)
        assert claimed is not None
        outbox.settle(writer, claimed.row.id, Settlement("sent", 1, receipt="r"), NOW + 1)
        outbox.settle(writer, claimed.row.id, Settlement("dead", 1, reason="late"), NOW + 2)
        assert outbox.list_interrupted(writer, "desk") == []
        [state] = writer.rows("select state, receipt, settled_at from deliveries where target = 'desk'")
    assert tuple(state) == ("sent", "r", NOW + 1)


def test_what_is_due_is_known_without_asking_again_and_again(owed: Archive) -> None:
    with owed.writing() as writer:
        assert claiming.find_due_time(writer, "desk") == NOW
        target_states.hold_targets(writer, ["desk"], NOW + 50, NOW)
        assert claiming.find_due_time(writer, "desk") == NOW + 50
        target_states.mark_target(writer, "desk", "parked", "blocked", NOW)
        assert claiming.find_due_time(writer, "desk") is None
        assert claiming.find_due_time(writer, "nobody") is None


def test_only_what_was_given_up_is_due_again_by_a_retry(owed: Archive) -> None:
    with owed.writing() as writer:
        for target in ("desk", "other"):
            claimed = claiming.claim(writer, target, NOW)
            assert claimed is not None
            state = (
                Settlement("dead", 9, unanswered=3, possible_repeat=True) if target == "desk" else Settlement("sent", 1)
            )
            outbox.settle(writer, claimed.row.id, state, NOW)
        assert retrying.retry(writer, NOW + 1, dead_only=True) == Retried(1, settled=(("other", "sent", NOW),))
        again = claiming.claim(writer, "desk", NOW + 1)
        assert again is not None
        assert (again.row.attempts, again.unanswered, again.row.possible_repeat) == (1, 0, True)
        assert claiming.claim(writer, "other", NOW + 1) is None


def test_a_parked_target_that_owes_something_is_opened_by_a_retry(owed: Archive) -> None:
    with owed.writing() as writer:
        target_states.mark_target(writer, "desk", "parked", "blocked", NOW)
        assert retrying.retry(writer, NOW, dead_only=True) == Retried(1, ("desk",))
        assert claiming.claim(writer, "desk", NOW) is not None


def test_what_is_owed_to_nobody_in_the_config_dies_with_that_reason(owed: Archive) -> None:
    with owed.writing() as writer:
        assert outbox.abandon(writer, ["desk"], NOW) == 1
        assert outbox.abandon(writer, ["desk"], NOW) == 0
        dead = writer.rows("select target, reason from deliveries where state = 'dead'")
    assert [tuple(row) for row in dead] == [("other", "the target is no longer configured")]


def test_a_chat_gets_so_many_messages_in_any_minute_and_no_more(archive: Archive) -> None:
    """Counted in the archive, so that neither a restart nor a second target of the chat begins anew."""
    pace, sent = Pace("desk", 20), []
    with archive.writing() as writer:
        for _ in range(70):
            outbox.announce(writer, ["desk", "other"], "source x", "x is failing", NOW)
    for step in range(400):
        now = NOW + step * 500_000
        with archive.writing() as writer:
            for target in ("desk", "other"):
                claimed = claiming.claim(writer, target, now, pace=pace)
                if claimed is not None:
                    sent.append(now)
                    outbox.settle(writer, claimed.row.id, Settlement("sent", 1), now)
    assert len(sent) >= 60
    for at in sent:
        assert len([one for one in sent if at <= one <= at + 60_000_000]) <= 20


def test_a_clock_that_was_ahead_leaves_no_chat_silent(archive: Archive) -> None:
    pace = Pace("desk", 1)
    with archive.writing() as writer:
        for _ in range(2):
            outbox.announce(writer, ["desk"], "source x", "x is failing", NOW)
        assert claiming.claim(writer, "desk", NOW + 86_400_000_000, pace=pace) is not None
        assert claiming.find_due_time(writer, "desk", pace=pace, now=NOW) == NOW
        assert claiming.claim(writer, "desk", NOW, pace=pace) is not None

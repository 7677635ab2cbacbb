import asyncio
import sqlite3
from typing import Any

import pytest

from bot.contracts.target import MessageRefused, PartlySent
from bot.errors import Later, Never
from storage.alerts import claiming, deaths, retrying
from storage.alerts import outbox as rows

HOUR = 3_600_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND


def test_an_alert_is_sent_once_with_its_receipt(line: Any, told: Any) -> None:
    desk = told("desk")
    line.match(line.post())
    assert line.drain(desk).sent == 1
    assert line.drain(desk).sent == 0
    assert [message.kind for message in desk.got] == ["match"]
    assert line.rows()[0]["state"] == "sent"
    assert line.rows()[0]["receipt"] == "receipt 1"


def test_a_failure_is_tried_again_after_longer_and_longer_pauses_and_spoken_of_once(line: Any, told: Any) -> None:
    desk = told("desk", script=[Later("down")] * 4)
    line.match(line.post())
    pauses = []
    for _ in range(4):
        line.drain(desk)
        pauses.append((line.rows()[0]["not_before"] - line.now) // SECOND)
        line.now = line.rows()[0]["not_before"]
    line.drain(desk)
    assert pauses == [5, 10, 20, 40]
    assert line.states() == ["sent"]
    assert line.said == ["target desk is not accepting alerts; they stay queued: down", "target desk works again"]


def test_after_a_day_of_failures_an_alert_is_given_up_and_another_target_hears_of_it(line: Any, told: Any) -> None:
    desk, other = told("desk", script=[Later("down")] * 100), told("other", health=True)
    line.match(line.post())
    start = line.now
    while line.rows()[0]["state"] == "pending":
        line.drain(desk, other)
        line.now = max(line.now, line.rows()[0]["not_before"])
    assert line.rows()[0]["state"] == "dead"
    assert 23 * HOUR < line.now - start < 25 * HOUR
    assert "24 hours: down" in line.rows()[0]["reason"]
    line.drain(desk, other)
    assert any("alert 1 was not delivered to desk" in message.plain for message in other.got)
    assert any("alert 1 was not delivered" in row["text"] for row in line.rows("select text from notices"))


def test_one_bad_target_delays_no_other(line: Any, told: Any) -> None:
    async def both(outbox: Any) -> None:
        work = asyncio.create_task(outbox.run())
        async with asyncio.timeout(60):
            await bad.asked.wait()
            await good.heard.wait()
        stuck.set()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    stuck = asyncio.Event()
    bad, good = told("bad", hangs=stuck), told("good")
    line.match(line.post(), targets=("bad", "good"))
    line.with_outbox({"bad": bad, "good": good}, both)


def test_a_mistake_inside_a_target_is_its_own_failure_and_its_words_stay_secret(line: Any, told: Any) -> None:
    desk, other = told("desk", script=[RuntimeError("token CANARY")]), told("other")
    line.match(line.post(), targets=("desk", "other"))
    line.drain(desk, other)
    assert len(other.got) == 1
    assert "RuntimeError" in line.rows()[0]["reason"]
    assert not any("CANARY" in str(row) for row in [*line.rows(), *line.rows("select * from notices"), *line.said])


def test_a_refused_message_dies_with_its_reason_and_the_target_goes_on(line: Any, told: Any) -> None:
    desk = told("desk", script=[MessageRefused("too odd")])
    line.match(line.post("first command", native_id="1"))
    line.match(line.post("second command", native_id="2"))
    drained = line.drain(desk)
    assert (drained.sent, drained.refused) == (1, 1)
    assert line.states() == ["dead", "sent"]


def test_a_target_that_refuses_is_parked_until_a_person_retries(line: Any, told: Any) -> None:
    desk = told("desk", script=[Never("blocked", remedy="let the bot in")])
    line.match(line.post("first command", native_id="1"))
    line.match(line.post("second command", native_id="2"))
    assert line.drain(desk).refused == 1
    assert line.drain(desk).sent == 0
    assert desk.tried == 1
    assert line.states() == ["pending", "pending"]
    assert "suspended" in line.said[0]
    assert "let the bot in" in line.said[0]
    with line.archive.writing() as writer:
        assert retrying.retry(writer, line.now, dead_only=True) == retrying.Retried(2, ("desk",))
    assert line.drain(desk).sent == 2


def test_a_wait_that_was_asked_for_is_kept_over_a_restart_and_covers_the_whole_account(line: Any, told: Any) -> None:
    until = line.now + 10_072 * SECOND
    one = told("one", script=[Later("wait", retry_at=until, obey=True)], account="bot 1")
    two, free = told("two", account="bot 1"), told("free", account="bot 2")
    line.match(line.post(), targets=("one",))
    line.drain(one, two, free)
    line.match(line.post(native_id="2"), targets=("two", "free"))
    line.now = until - 1
    line.drain(one, two, free)
    assert (one.tried, two.tried, free.tried) == (1, 0, 1)
    assert [row["hold_until"] for row in line.rows("select * from targets where hold_until > 0")] == [until, until]
    line.now = until
    line.drain(one, two, free)
    assert (one.tried, two.tried) == (2, 1)
    assert line.rows()[0]["attempts"] == 1, "a wait that was obeyed is no failed attempt"


def test_what_was_being_sent_when_the_program_died_comes_again_marked(line: Any, told: Any) -> None:
    line.match(line.post(), targets=("desk", "hook"))
    with line.archive.writing() as writer:
        claiming.claim(writer, "desk", line.now)
        claiming.claim(writer, "hook", line.now)
        deaths.settle_death(writer, line.now)
    desk, hook = told("desk"), told("hook", idempotent=True)
    line.drain(desk, hook)
    assert "(possible repeat)" in desk.got[0].plain
    assert desk.got[0].document["data"]["possible_repeat"] is True
    assert hook.got[0].document["data"]["possible_repeat"] is True
    assert [(row["possible_repeat"], row["attempts"]) for row in line.rows()] == [(1, 1), (1, 1)]


def test_an_idempotent_target_gets_its_repeats_under_one_id(line: Any, told: Any) -> None:
    hook = told("hook", idempotent=True, script=[Later("cut", unsure=True)] * 5)
    line.match(line.post(), targets=("hook",))
    for _ in range(6):
        line.drain(hook)
        line.now = line.rows()[0]["not_before"]
    assert line.states() == ["sent"]
    assert len({message.id for message in hook.got}) == 1
    marks = [message.document["data"].pop("possible_repeat") for message in hook.got]
    assert marks == [False, *[True] * 5], "what may have arrived before says so"
    assert len({str(message.document) for message in hook.got}) == 1


def test_an_alert_that_may_have_arrived_is_repeated_after_1_and_10_minutes_and_hourly_for_a_day(
    line: Any, told: Any
) -> None:
    desk = told("desk", script=[Later("cut", unsure=True)] * 99)
    line.match(line.post())
    pauses = []
    while line.states() != ["dead"]:
        line.drain(desk)
        row = line.rows()[0]
        if row["state"] == "pending":
            pauses.append((row["not_before"] - line.now) // MINUTE)
            line.now = row["not_before"]
    assert pauses == [1, 10, *[60] * 24]
    assert ["possible repeat" in message.plain for message in desk.got] == [False, *[True] * 26]
    assert any("without a confirmation" in sentence for sentence in line.said)


def test_a_failure_after_unknown_outcomes_is_tried_again_as_soon_as_a_first_one(line: Any, told: Any) -> None:
    desk = told("desk", script=[*[Later("cut", unsure=True)] * 12, Later("down")])
    line.match(line.post())
    for _ in range(12):
        line.drain(desk)
        line.now = line.rows()[0]["not_before"]
    line.drain(desk)
    assert line.rows()[0]["not_before"] - line.now == 5 * SECOND


def test_a_retry_of_a_given_up_alert_still_says_that_it_may_repeat(line: Any, told: Any) -> None:
    desk = told("desk", script=[Later("cut", unsure=True), MessageRefused("too odd")])
    line.match(line.post())
    for _ in range(2):
        line.drain(desk)
        line.now += HOUR
    with line.archive.writing() as writer:
        assert retrying.retry(writer, line.now, match_id=1).due == 1
    line.drain(desk)
    assert line.states() == ["sent"]
    assert "(possible repeat)" in desk.got[-1].plain


def test_a_reply_waits_for_its_first_message_and_stands_under_it(line: Any, told: Any) -> None:
    desk = told("desk", script=[Later("down")])
    post = line.post()
    line.match(post)
    line.match(post, kind="edited", before="the northern command fell")
    line.match(line.post(native_id="2"))
    line.drain(desk)
    assert desk.got == []
    line.now += HOUR
    line.drain(desk)
    order = [(message.kind, message.document["data"]["post"]["native_id"]) for message in desk.got]
    assert order.index(("match", "1")) < order.index(("edited", "1"))
    edited = next(message for message in desk.got if message.kind == "edited")
    assert edited.reply_to == f"receipt {order.index(('match', '1')) + 1}"


def test_deliveries_to_a_target_that_left_the_config_are_given_up_and_told(line: Any, told: Any) -> None:
    line.match(line.post(), targets=("gone", "desk"))
    line.drain(told("desk"))
    assert line.states() == ["dead", "sent"]
    assert "1 alert was dropped: its target is no longer in the config" in line.said[0]


def test_a_broken_database_ends_the_run_with_its_own_error(line: Any, told: Any) -> None:
    line.match(line.post())

    async def work(outbox: Any) -> None:
        with sqlite3.connect(line.archive.path) as meanwhile:
            meanwhile.execute("drop table targets")
        meanwhile.close()
        await outbox.run()

    with pytest.raises(Exception, match="targets"):
        line.with_outbox({"desk": told("desk")}, work)


def test_a_stop_lets_the_message_under_way_be_settled(line: Any, told: Any) -> None:
    line.match(line.post())

    async def work(outbox: Any) -> None:
        running = asyncio.create_task(outbox.run())
        async with asyncio.timeout(60):
            await desk.asked.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        asyncio.get_running_loop().call_soon(gate.set)
        await outbox.aclose()

    gate = asyncio.Event()
    desk = told("desk", hangs=gate)
    line.with_outbox({"desk": desk}, work)
    assert line.states() == ["sent"]


def test_a_running_outbox_takes_up_what_is_rung(line: Any, told: Any) -> None:
    desk = told("desk")

    async def work(outbox: Any) -> None:
        running = asyncio.create_task(outbox.run())
        await asyncio.to_thread(line.match, await asyncio.to_thread(line.post))
        outbox.ring()
        async with asyncio.timeout(60):
            await desk.heard.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    line.with_outbox({"desk": desk}, work)


def test_health_messages_reach_targets_that_asked_for_them(line: Any, told: Any) -> None:
    with line.archive.writing() as writer:
        rows.announce(writer, ["desk"], "source spokesman", "spokesman is failing: \x1b[2J", line.now)
    desk = told("desk")
    line.drain(desk)
    assert desk.got[0].kind == "health"
    assert desk.got[0].plain == "Communiqué health: spokesman is failing: \\u{001b}[2J"
    assert desk.got[0].document["data"]["about"] == "source spokesman"


def test_nothing_is_due_where_everything_waits_for_something_else(line: Any) -> None:
    post = line.post()
    line.match(post)
    line.match(post, kind="edited")
    with line.archive.writing() as writer:
        claimed = claiming.claim(writer, "desk", line.now)
        assert claimed is not None
        assert claiming.claim(writer, "desk", line.now) is None
    with line.archive.reading() as reader:
        assert claiming.find_due_time(reader, "desk") is None


def sent_in_order(desk: Any) -> list[str]:
    return [message.document["data"]["post"]["native_id"] for message in desk.got]


def test_the_first_success_makes_all_that_waits_due_oldest_first(line: Any, told: Any) -> None:
    desk = told("desk", script=[Later("down")] * 24)
    for number in range(1, 4):
        line.match(line.post(native_id=str(number)))
    while desk.script:
        line.drain(desk)
        line.now += MINUTE
    line.now = min(row["not_before"] for row in line.rows()) - 1
    line.match(line.post(native_id="4"))
    line.drain(desk)
    assert sent_in_order(desk) == ["4", "1", "2", "3"]


def test_a_message_that_alone_is_never_answered_is_not_repeated_after_every_other(line: Any, told: Any) -> None:
    desk = told("desk", script=[Later("cut", unsure=True)])
    line.match(line.post(native_id="1"))
    line.drain(desk)
    for number in range(2, 12):
        line.match(line.post(native_id=str(number)))
        line.now += 2 * SECOND
        line.drain(desk)
    assert sent_in_order(desk).count("1") == 1
    line.now += MINUTE
    line.drain(desk)
    assert sent_in_order(desk).count("1") == 2


def test_a_message_that_alone_fails_is_tried_for_a_day_however_often_others_succeed(line: Any, told: Any) -> None:
    class Picky(told):  # type: ignore[misc]
        """Takes everything but the first post."""

        async def send(self, message: Any) -> str | None:
            if message.document["data"]["post"]["native_id"] == "0":
                self.tried += 1
                raise Later("too odd")
            return str(await super().send(message))

    desk = Picky("desk")
    line.match(line.post(native_id="0"))
    start = line.now
    for number in range(1, 50):
        line.match(line.post(native_id=str(number)))
        for _ in range(2):
            line.drain(desk)
            line.now += 10 * SECOND
    assert desk.tried > 80
    assert line.now - start < HOUR
    assert "dead" not in line.states()


def test_in_a_storm_the_most_important_comes_first_then_the_oldest(line: Any, told: Any) -> None:
    desk = told("desk")
    for number in range(60):
        line.match(line.post(native_id=str(number)), priority="low" if number == 3 else "default")
    line.match(line.post(native_id="60"), priority="high")
    line.match(line.post(native_id="61"), priority="max")
    line.drain(desk)
    order = sent_in_order(desk)
    assert order[:5] == ["61", "60", "0", "1", "2"]
    assert order[-2:] == ["59", "3"]


def test_what_an_important_message_waits_for_is_as_important(line: Any, told: Any) -> None:
    desk = told("desk")
    for number in range(5):
        line.match(line.post(native_id=str(number)))
    post = line.post(native_id="5")
    line.match(post, rule="media:spokesman")
    line.match(post, priority="max")
    line.drain(desk)
    assert sent_in_order(desk)[:2] == ["5", "5"]
    assert [message.document["data"]["rule"] for message in desk.got[:2]] == ["media:spokesman", "fire"]


def test_a_pace_is_kept_over_a_restart(line: Any, told: Any) -> None:
    desk = told("desk", per_minute=20)
    for number in range(45):
        line.match(line.post(native_id=str(number)))
    counts = []
    for _ in range(4):
        counts.append(line.drain(desk).sent)  # each a process of its own
        line.now += 31 * SECOND
    assert counts == [20, 0, 1, 0]  # the rest is one digest


def test_a_retry_makes_what_waits_due_at_once_also_in_a_running_process(line: Any, told: Any) -> None:
    desk = told("desk", script=[Later("down")] * 8)
    line.match(line.post())
    for _ in range(8):
        line.drain(desk)
        line.now = line.rows()[0]["not_before"]
    line.now -= 5 * MINUTE
    assert line.drain(desk).sent == 0
    with line.archive.writing() as writer:
        assert retrying.retry(writer, line.now, match_id=1) == retrying.Retried(1)
    assert line.drain(desk).sent == 1


def test_a_running_process_does_not_wait_for_its_own_pause_after_a_retry(line: Any, told: Any) -> None:
    desk = told("desk", script=[Later("down")])
    line.match(line.post())

    async def work(outbox: Any) -> int:
        await outbox.drain(line.now)
        line.now += SECOND
        with line.archive.writing() as writer:
            retrying.retry(writer, line.now, match_id=1)
        return int((await outbox.drain(line.now)).sent)

    assert line.with_outbox({"desk": desk}, work) == 1


def test_a_retry_says_until_when_a_target_has_asked_for_a_pause_and_keeps_to_it(line: Any, told: Any) -> None:
    until = line.now + HOUR
    desk = told("desk", script=[Later("slow down", retry_at=until, obey=True)])
    line.match(line.post())
    line.drain(desk)
    with line.archive.writing() as writer:
        assert retrying.retry(writer, line.now, match_id=1) == retrying.Retried(1, held=(("desk", until),))
    assert line.drain(desk).sent == 0
    line.now = until
    assert line.drain(desk).sent == 1
    with line.archive.writing() as writer:
        assert retrying.retry(writer, line.now, match_id=1) == retrying.Retried(0, settled=(("desk", "sent", until),))


def test_a_lost_health_message_causes_no_other(line: Any, told: Any) -> None:
    one, two = told("one", health=True), told("two", health=True)
    one.script = two.script = [MessageRefused("too odd")] * 99
    with line.archive.writing() as writer:
        rows.announce(writer, ["one", "two"], "source spokesman", "spokesman is failing", line.now)
    for _ in range(5):
        line.drain(one, two)
        line.now += HOUR
    assert line.states() == ["dead", "dead"]


def test_whoever_is_put_off_gets_the_alert_later_alone_and_the_target_counts_as_working(line: Any, told: Any) -> None:
    partly = PartlySent("mail to ben is put off", receipt="ann", over=False, retry_at=line.now + 5 * MINUTE)
    desk, other = told("desk", script=[partly, Later("down"), None]), told("other", health=True)
    line.match(line.post())
    line.match(line.post(native_id="2"))
    line.drain(desk, other)
    [ben, next_one] = line.rows("select * from deliveries where match_id is not null order by id")
    assert (ben["state"], ben["not_before"], ben["receipt"]) == ("pending", line.now + 5 * MINUTE, "ann")
    assert next_one["state"] == "pending"  # it met the failure that came after, no pause
    line.now += 6 * MINUTE
    line.drain(desk, other)
    assert {message.progress for message in desk.got} == {"ann", None}
    assert line.states()[:2] == ["sent", "sent"]


def test_whoever_is_refused_for_good_is_named_once_and_the_alert_counts_as_sent(line: Any, told: Any) -> None:
    refused = [PartlySent("refuses mail to ben (550)", receipt="ann", over=True) for _ in range(3)]
    desk, other = told("desk", script=list(refused)), told("other", health=True)
    for number in range(3):
        line.match(line.post(native_id=str(number)))
    assert line.drain(desk, other).sent in (3, 4), "the news of it may go out in the same pass"
    line.drain(desk, other)
    assert [row["state"] for row in line.rows() if row["target"] == "desk"] == ["sent"] * 3
    assert line.said == ["target desk: refuses mail to ben (550)"]
    assert sum("refuses mail to ben" in message.plain for message in other.got) == 1


def test_whoever_is_put_off_for_a_day_is_given_up_and_the_alert_counts_as_sent(line: Any, told: Any) -> None:
    desk = told("desk", script=[PartlySent("mail to ben is put off", receipt="ann", over=False)] * 100)
    line.match(line.post())
    start = line.now
    while line.rows()[0]["state"] == "pending":
        line.drain(desk)
        line.now = max(line.now, line.rows()[0]["not_before"])
    assert 23 * HOUR < line.now - start < 25 * HOUR
    assert (line.rows()[0]["state"], line.rows()[0]["receipt"]) == ("sent", "ann")
    assert len(line.said) == 1
    assert "24 hours: mail to ben is put off" in line.said[0]

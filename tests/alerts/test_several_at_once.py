"""Targets that take several messages at once: what is under way together, and what one bad answer means for others."""

import asyncio
from typing import Any

import pytest

from bot.contracts.message import Shows
from bot.errors import Later, Never
from storage.alerts import claiming, deaths, outbox
from storage.alerts.mutes import Mute, add
from storage.events import heard

SECOND = 1_000_000


@pytest.fixture
def hook(told: Any) -> Any:
    """Such a target, which notes what is under way at the same time, and may be told by post what to answer."""

    class Hook(told):  # type: ignore[misc]
        def __init__(self, **more: Any) -> None:
            known = {"idempotent": True, "at_once": 16, "shows": Shows("json")}
            super().__init__("desk", **(known | more))
            self.answers: dict[str, Any] = {}
            self.under_way: list[str] = []
            self.most = 0
            self.enough = asyncio.Event()
            self.began: list[str] = []
            self.together: set[frozenset[str]] = set()

        async def send(self, message: Any) -> str | None:
            data = message.document["data"]
            name = f"{data['post']['native_id']} {message.kind}" if "post" in data else message.kind
            self.began.append(name)
            self.together |= {frozenset((name, other)) for other in self.under_way}
            self.under_way.append(name)
            self.most = max(self.most, len(self.under_way))
            try:
                for _ in range(5):
                    await asyncio.sleep(0)
                answer = self.answers.get(data["post"]["native_id"] if "post" in data else "")
                if isinstance(answer, asyncio.Event):
                    await answer.wait()
                elif answer is not None:
                    self.tried += 1
                    raise answer
                receipt = await super().send(message)
                if len(self.got) == 39:
                    self.enough.set()
                return str(receipt)
            finally:
                self.under_way.remove(name)

    return Hook


def owe(line: Any, count: int, first: int = 1, **more: Any) -> None:
    for number in range(first, first + count):
        line.match(line.post(native_id=str(number)), **more)


def test_several_are_under_way_at_once_and_each_arrives_once(line: Any, hook: Any) -> None:
    desk = hook()
    owe(line, 60)
    assert line.drain(desk).sent == 60
    assert desk.most == 16
    assert sorted(desk.began) == sorted(f"{number} match" for number in range(1, 61))
    assert {row["attempts"] for row in line.rows()} == {1}


@pytest.mark.parametrize("more", [{"at_once": 1}, {"per_minute": 90}, {"shows": Shows("text", replies=True)}])
def test_one_at_a_time_where_messages_are_counted_or_refer_to_each_other(line: Any, hook: Any, more: Any) -> None:
    desk = hook(**more)
    owe(line, 8)
    assert line.drain(desk).sent == 8
    assert desk.most == 1


def test_of_one_post_one_message_is_under_way_a_match_before_its_edit_and_its_deletion(line: Any, hook: Any) -> None:
    desk = hook()
    for number in range(1, 9):
        post = line.post(native_id=str(number))
        line.match(post)
        line.match(post, kind="edited", before="the northern command fell")
        line.match(post, kind="deleted")
        line.match(post, rule="water")
    assert line.drain(desk).sent == 32
    assert desk.most > 1
    for number in range(1, 9):
        own = [message for message in desk.got if message.document["data"]["post"]["native_id"] == str(number)]
        kinds = [message.kind for message in own if message.document["data"]["rule"] == "fire"]
        assert kinds == ["match", "edited", "deleted"]
        assert not any(len({name.split()[0] for name in pair}) == 1 for pair in desk.together)


def test_the_most_urgent_go_first_then_the_oldest(line: Any, hook: Any) -> None:
    desk = hook()
    owe(line, 20, priority="low")
    owe(line, 20, first=21, priority="max")
    line.drain(desk)
    assert [name.split()[0] for name in desk.began] == [str(one) for one in [*range(21, 41), *range(1, 21)]]


def test_one_message_that_fails_is_a_failure_of_that_message_alone(line: Any, hook: Any) -> None:
    desk = hook()
    desk.answers["7"] = Later("the receiver answered 500")
    owe(line, 30)
    assert line.drain(desk).sent == 29
    assert line.said == []
    sick = line.rows()[6]
    assert (sick["state"], sick["attempts"], sick["not_before"] - line.now) == ("pending", 1, 5 * SECOND)
    assert line.rows("select * from targets where state <> 'ok'") == []


def test_one_message_that_hangs_holds_up_no_other(line: Any, hook: Any) -> None:
    desk = hook()
    desk.answers["3"] = gate = asyncio.Event()
    owe(line, 40)

    async def work(outbox: Any) -> None:
        running = asyncio.create_task(outbox.drain(line.now))
        async with asyncio.timeout(60):
            await desk.enough.wait()
        assert not running.done()
        gate.set()
        assert (await running).sent == 40

    line.with_outbox({"desk": desk}, work)
    assert set(line.states()) == {"sent"}


def test_a_wait_that_is_asked_for_stops_claims_and_counts_no_attempt(line: Any, hook: Any) -> None:
    desk, until = hook(), line.now + 60 * SECOND
    desk.answers |= {str(number): Later("wait", retry_at=until, obey=True) for number in range(1, 101)}
    owe(line, 100)
    assert line.drain(desk).sent == 0
    assert len(desk.began) <= 4, "nobody is asked much before it is known that they answer"
    assert {(row["state"], row["attempts"]) for row in line.rows()} == {("pending", 0)}
    desk.answers.clear()
    line.now = until - 1
    assert line.drain(desk).sent == 0
    line.now = until
    assert line.drain(desk).sent == 100


def test_a_target_that_is_down_is_tried_with_one_message(line: Any, hook: Any) -> None:
    desk = hook()
    owe(line, 50)
    desk.answers |= {str(number): Later("down") for number in range(1, 51)}

    async def twice(outbox: Any) -> None:
        await outbox.drain(line.now)
        first = len(desk.began)
        line.now += 5 * SECOND
        await outbox.drain(line.now)
        assert first <= 4
        assert len(desk.began) == first + 1

    line.with_outbox({"desk": desk}, twice)
    assert line.said == ["target desk is not accepting alerts; they stay queued: down"]


def test_a_refusal_of_all_suspends_the_target_once(line: Any, hook: Any) -> None:
    desk = hook()
    desk.answers |= {str(number): Never("gone", remedy="change its url") for number in range(1, 31)}
    owe(line, 30)
    line.drain(desk)
    assert len(line.said) == 1
    assert "suspended" in line.said[0]
    assert set(line.states()) == {"pending"}
    assert len(desk.began) <= 4


def test_what_is_about_no_post_goes_alone(line: Any, hook: Any) -> None:
    desk = hook()
    owe(line, 5)
    with line.archive.writing() as writer:
        for number in range(3):
            outbox.announce(writer, ["desk"], "source a", f"news {number}", line.now)
    owe(line, 5, first=6)
    assert line.drain(desk).sent == 13
    assert not any("health" in pair for pair in desk.together)
    assert [message.document["data"]["text"] for message in desk.got if message.kind == "health"] == [
        "news 0", "news 1", "news 2",
    ]  # fmt: skip


def test_a_death_with_several_under_way_blames_none_and_each_comes_alone_and_marked(line: Any, hook: Any) -> None:
    owe(line, 12)
    with line.archive.writing() as writer:
        assert len(claiming.claim_several(writer, "desk", line.now, 4, healthy=True)) == 4
        deaths.settle_death(writer, line.now)
    desk = hook()
    assert line.drain(desk).sent == 12
    assert {row["deaths"] for row in line.rows()} == {0}
    marked = [message for message in desk.got if message.document["data"]["possible_repeat"]]
    names = {f"{message.document['data']['post']['native_id']} match" for message in marked}
    assert len(names) == 4
    assert not any(pair & names for pair in desk.together)


def test_a_limit_of_a_rule_is_counted_with_several_at_once(line: Any, hook: Any) -> None:
    line.rules_per_hour["fire"] = 5
    desk = hook()
    owe(line, 20)
    owe(line, 20, first=21, rule="water")
    line.drain(desk)
    rules = [message.document["data"]["rule"] for message in desk.got]
    assert (rules.count("fire"), rules.count("water")) == (5, 20)


def test_a_mute_holds_its_messages_out_of_several(line: Any, hook: Any) -> None:
    desk = hook()
    owe(line, 10)
    owe(line, 10, first=11, rule="water")
    with line.archive.writing() as writer:
        hours = 3_600 * SECOND
        add(writer, Mute("water", None, None, None, None, line.now - 1, line.now + hours, "noise", "me"))
    line.drain(desk)
    assert {message.document["data"]["rule"] for message in desk.got} == {"fire"}
    assert [line.states().count(state) for state in ("sent", "silenced")] == [10, 10]


def test_what_an_alert_costs_does_not_grow_with_what_was_sent_or_waits(line: Any, hook: Any) -> None:
    steps: list[int] = []

    def count_steps(number: int) -> None:
        post = line.post(native_id=str(number))
        with line.archive.writing() as writer:
            writer._connection.set_progress_handler(lambda: steps.__setitem__(-1, steps[-1] + 1), 20)
            steps.append(0)
        line.match(post)
        with line.archive.writing() as writer:
            assert heard.find_first_message(writer, post, "fire", "desk") is None
            assert len(claiming.claim_several(writer, "desk", line.now, 1, beside=())) == 1
            assert len(claiming.claim_several(writer, "desk", line.now, 2)) <= 2
            writer._connection.set_progress_handler(None, 0)

    owe(line, 20, first=100)
    count_steps(1)
    owe(line, 60, first=200)
    line.drain(hook())
    owe(line, 20, first=300)
    count_steps(2)
    owe(line, 60, first=400)
    count_steps(3)
    assert max(steps) < 1.2 * steps[0], steps

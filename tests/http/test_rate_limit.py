import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.clock import SECOND, Clock
from bot.http.rate_limit import RateLimits


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now)


def gap(pace: RateLimits, host: str) -> float:
    """The seconds between two requests that are both wanted now."""
    first = pace.reserve(host)
    return pace.reserve(host) - first


@given(st.integers(1, 3600 * SECOND))
def test_two_requests_to_a_host_are_an_interval_and_some_jitter_apart(interval: int) -> None:
    pace = RateLimits({"feeds.example.org": interval}, Time().clock())
    assert interval / SECOND * 0.999 <= gap(pace, "feeds.example.org") <= interval / SECOND * 1.251


def test_the_first_request_and_one_after_a_long_pause_do_not_wait() -> None:
    time = Time()
    pace = RateLimits({}, time.clock())
    assert pace.reserve("t.me") == 0
    time.now += 4
    assert pace.reserve("t.me") == 0


def test_t_me_has_an_interval_unless_the_config_says_another() -> None:
    assert 2.5 <= gap(RateLimits({}, Time().clock()), "t.me") <= 3.13
    assert gap(RateLimits({"t.me": 0}, Time().clock()), "t.me") == 0
    assert gap(RateLimits({}, Time().clock()), "feeds.example.org") == 0


def test_a_slow_down_doubles_up_to_a_bound_and_good_replies_take_it_back() -> None:
    time = Time()
    pace = RateLimits({"t.me": SECOND}, time.clock())
    pace.slow_down("t.me")
    assert 2 <= gap(pace, "t.me") <= 2.5
    for _ in range(100):
        pace.slow_down("t.me")
    assert 32 <= gap(pace, "t.me") <= 40
    for _ in range(100):
        pace.recover("t.me")
    assert 1 <= gap(pace, "t.me") <= 1.25


def test_a_server_is_asked_twice_at_a_time_and_every_other_port_meanwhile() -> None:
    async def rush() -> None:
        pace = RateLimits({}, Clock())
        inside, most, full, release = 0, 0, asyncio.Event(), asyncio.Event()

        async def hold(host: str) -> None:
            nonlocal inside, most
            async with pace.wait_turn(host, 443):
                inside += 1
                most = max(most, inside)
                if inside == 2:
                    full.set()
                await release.wait()
                inside -= 1

        waiting = [asyncio.ensure_future(hold("slow.example")) for _ in range(5)]
        async with asyncio.timeout(60):
            await full.wait()
            for host, port in (("quick.example", 443), ("slow.example", 8443)):
                async with pace.wait_turn(host, port):
                    assert inside == 2
        release.set()
        await asyncio.gather(*waiting)
        assert most == 2

    asyncio.run(rush())


def test_addresses_that_went_unanswered_leave_a_place_to_the_others() -> None:
    async def rush() -> None:
        pace = RateLimits({}, Clock())
        hanging = [f"https://slow.example/{number}" for number in range(6)]
        for url in hanging:
            pace.note_answer(url, answered=False)

        async def hold(url: str) -> None:
            async with pace.wait_turn("slow.example", 443, url):
                await asyncio.Event().wait()

        tasks = [asyncio.ensure_future(hold(url)) for url in hanging]
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            for _ in range(20):
                async with pace.wait_turn("slow.example", 443, "https://slow.example/healthy"):
                    pass
        pace.note_answer(hanging[5], answered=True)
        tasks.pop().cancel()
        async with asyncio.timeout(60), pace.wait_turn("slow.example", 443, hanging[5]):
            pass
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(rush())


def test_what_is_remembered_of_servers_and_addresses_is_bounded() -> None:
    async def visit() -> None:
        pace = RateLimits({}, Clock())
        for number in range(3_000):
            pace.note_answer(f"https://h{number}.example/", answered=False)
            async with pace.wait_turn(f"h{number}.example", 443):
                pass
        assert max(len(pace._servers), len(pace._unanswered)) <= 1_001

    asyncio.run(visit())


def test_hosts_with_nothing_to_remember_are_forgotten() -> None:
    time = Time()
    pace = RateLimits({}, time.clock())
    pace.slow_down("throttled.example")
    for number in range(5_000):
        pace.reserve(f"h{number}.example")
        time.now += 0.001
    assert len(pace._queues) <= 1_001
    assert "throttled.example" in pace._queues

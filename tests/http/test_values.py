import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import DAY, HOUR, SECOND
from bot.http import Reply, check_busy

NOW = 1_763_800_000_000_000  # 2025-11-22T08:26:40Z


def reply(status: int, **headers: str) -> Reply:
    return Reply(status, "https://t.me/s/x", {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def test_what_is_kept_of_a_reply_hides_the_secrets_of_its_address() -> None:
    came_from = "https://feed.example/all.xml?page=2&api_key=S3CRET"
    headers = {"link": f"<{came_from}>; rel=self", "server": "a"}
    kept = Reply(200, came_from, headers, b"", status_line="HTTP/1.1 200 OK").recorded("feed")
    assert kept.url == "https://feed.example/all.xml?page=2&api_key=***"
    assert kept.headers == (("link", f"<{kept.url}>; rel=self"), ("server", "a"))


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 401, 403, 404, 410])
def test_a_reply_that_is_no_sign_of_trouble_there_asks_for_nothing(status: int) -> None:
    assert check_busy(reply(status), NOW) is None
    later = check_busy(reply(status, retry_after="60"), NOW)
    assert (later is not None) == (status >= 400)
    assert later is None or (later.obey and later.retry_at == NOW + 60 * SECOND)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 520, 599, 999])
def test_a_busy_or_broken_server_is_tried_later(status: int) -> None:
    later = check_busy(reply(status), NOW)
    assert later
    assert later.retry_at is None
    assert not later.obey
    assert str(later).startswith(f"t.me answered {status}")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0", 1),
        ("99999999999", 86_400),
        ("Sat, 22 Nov 2025 08:27:40 GMT", 60),
        ("Saturday, 22-Nov-25 08:27:40 GMT", 60),
        ("Sat Nov 22 08:27:40 2025", 60),
        ("Sat, 22 Nov 2025 10:27:40 +0200", 60),
        ("Fri, 21 Nov 2025 08:26:40 GMT", 1),
        ("Sat, 22 Nov 2155 08:27:40 GMT", 86_400),
    ],
)
def test_the_time_that_a_server_names_is_obeyed_within_a_second_and_a_day(header: str, seconds: float) -> None:
    later = check_busy(reply(503, retry_after=header), NOW)
    assert later
    assert later.obey
    assert later.retry_at == NOW + seconds * SECOND


@given(st.text(max_size=40))
def test_no_header_makes_it_fail_or_wait_longer_than_a_day(header: str) -> None:
    later = check_busy(reply(429, retry_after=header), NOW)
    assert later
    assert later.retry_at is None or NOW < later.retry_at <= NOW + DAY


def test_who_may_not_wait_for_a_day_says_so() -> None:
    later = check_busy(reply(503, retry_after="86400"), NOW, HOUR)
    assert later
    assert later.retry_at == NOW + HOUR


def test_only_the_two_hundreds_are_ok() -> None:
    assert [status for status in (199, 200, 204, 299, 300, 304) if reply(status).ok] == [200, 204, 299]

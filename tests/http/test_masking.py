from __future__ import annotations

import pytest

from bot.http.masking import mask_address, secret_parts, strike_secrets


@pytest.mark.parametrize(
    ("url", "words", "shown"),
    [
        (
            "https://api.example/v1/messages",
            "api.example redirects messages to x",
            "api.example redirects messages to x",
        ),
        ("https://api.example/v1/messages", "bad line: POST /v1/messages HTTP", "bad line: POST *** HTTP"),
        ("https://h.example/T00AB12CD/b7", "T00AB12CD is gone", "*** is gone"),
        ("https://user:p4ssw0rdlong@h.example/", "p4ssw0rdlong?", "***?"),
        ("https://h.example:8443/x?token=abcdefgh12", "h.example:8443 and abcdefgh12", "h.example:8443 and ***"),
    ],
)
def test_parts_of_an_address_are_struck_and_no_words_of_ours(url: str, words: str, shown: str) -> None:
    assert strike_secrets(words, *secret_parts(url)) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://reader:pa@feed.example/a", "https://***@feed.example/a"),
        ("https://feed.example/a?page=2&Access_Token=x&n=1", "https://feed.example/a?page=2&Access_Token=***&n=1"),
        ("https://feed.example/a;jsessionid=77?x=1#sig=2", "https://feed.example/a;jsessionid=***#sig=***"),
        ("https://feed.example/?author=desk&keywords=a&sign=b", "https://feed.example/?author=desk&keywords=a&sign=b"),
        (
            "https://feed.example/?authorization=a&x-sig=b&apikey=c",
            "https://feed.example/?authorization=***&x-sig=***&apikey=***",
        ),
        (
            "https://pds.example/xrpc/x.getRecord?rkey=3abc&hkey=b",
            "https://pds.example/xrpc/x.getRecord?rkey=3abc&hkey=***",
        ),
        ("https://feed.example/?userkey=a&myrkey=b", "https://feed.example/?userkey=***&myrkey=***"),
        ("https://feed.example/?q=token", "https://feed.example/?q=token"),
        ("socks5://me:pa@proxy.example:1080", "socks5://***@proxy.example:1080"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_secret(url: str, shown: str) -> None:
    assert mask_address(url) == shown


def test_an_address_of_a_hundred_thousand_parameters_is_shown_at_once() -> None:
    hostile = "https://example.org/" + "?token" * 50_000
    assert mask_address(hostile) == hostile
    assert mask_address(f"{hostile}=a?b&c=d") == f"{hostile}=***&c=d"

"""Why a channel cannot be read, as its public page says it: each reason is a state of its own."""

import pytest

from bot.sources.telegram_web.closed import find_why


def about(extra: str = "", action: str = "View in Telegram", title: str = "Desk", description: str = "") -> bytes:
    parts = {"title": title, "extra": extra, "description": description, "action": f"<a>{action}</a>"}
    shown = "".join(f'<div class="tgme_page_{name}">{words}</div>' for name, words in parts.items() if words)
    return f'<html><body><div class="tgme_page">{shown}</div></body></html>'.encode()


CASES = [
    (about("12 345 subscribers"), "preview disabled"),
    (about("1 subscriber"), "preview disabled"),
    (about("no subscribers"), "preview disabled"),
    (about("4.2K subscribers", description="This channel is private talk of U Ba"), "preview disabled"),
    (about("1 204 members, 56 online"), "a group"),
    (about("1 member"), "a group"),
    (about("3 members", "Join Group"), "a group"),
    (about("@nang_k", "Send Message"), "a person"),
    (about("", "Send Message"), "a person"),
    (about("@map_bot", "Send Message"), "a bot"),
    (about("12,000 monthly users", "Start Bot"), "a bot"),
    (about("@helper", "Start Bot"), "a bot"),
    (about("", "Send Message", title=""), "no such name"),
    (about("", "", title=""), "no such name"),
    (about("", "Join Channel"), "private"),
    (about(description="This channel can’t be displayed because it violated Telegram's Terms of Service."), "banned"),
    (about(description="This channel can't be displayed because it was used to spread calls to violence."), "banned"),
    (
        about("7 subscribers", description="This channel can't be displayed because it violated local laws."),
        "blocked by law",
    ),
    (about(description="This channel is not available in your country."), "blocked by law"),
    (about(description="This channel is blocked by a court order"), "blocked by law"),
    (
        about(description="Unfortunately, this channel is unavailable due to copyright infringement."),
        "blocked for copyright",
    ),
    (about(description="This channel is private"), "private"),
    (b'<div class="tgme_widget_message_error">Channel is private</div>', "private"),
    (b'<div class="tgme_widget_message_error">This channel cannot be displayed</div>', "banned"),
    (
        (
            b'<section class="tgme_channel_history"><div class="tgme_widget_message_centered">This channel could not be '
            b"displayed because of the DMCA</div></section>"
        ),
        "blocked for copyright",
    ),
]


@pytest.mark.parametrize(("page", "state"), CASES)
def test_the_page_says_why_a_channel_cannot_be_read(page: bytes, state: str) -> None:
    why = find_why(page)
    assert why is not None
    assert why.state == state


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html><h1>Just a moment...</h1></html>",
        about(),
        (
            b'<div class="tgme_channel_info_description">This channel is banned in three countries</div>'
            b'<div class="tgme_channel_info_counter">7</div>'
        ),
        b'<div class="tgme_widget_message" data-post="desk/5">This channel can\'t be displayed</div>',
        b'<div class="tgme_page">' + b"<b>" * 9000,
        b'<div class="tgme_page_extra">1' + b" " * 100_000 + b"</div>",
        b'<div class="tgme_page_description">This channel' + b" is" * 50_000 + b"</div>",
        b"\xff\xfe<div>",
    ],
)
def test_a_page_that_does_not_say_it_is_not_guessed_at(page: bytes) -> None:
    assert find_why(page) is None

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.inert import JOINER, make_inert

# What Telegram's own parser takes for entities (the rules of its open library tdlib), and what mail programs link.
TAPPABLE = re.compile(
    r"(?<!\w)[@＠]\w{2,}|(?<![\w/<>])/\w|[#＃]\w|\$(?:[A-Za-z]|1INCH)|\w://|\w\.[^\W\d_]|\w@\w|(?<!\w)\+?(?:\d[\s().-]{0,2}){6,}\d",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "words",
    [
        "@desk_editor", "see (@desk) and,@other", "/mute", "/ack@bot 7", "a /mute b", "#tag #ထ #1", "$USD $TON", "$1INCH",
        "+95 9 123 456 789", "09-123-456-789", "(09) 1234567", "4111 1111 1111 1111", "a.b@host.example", "evil.example",
        "https://evil.example/x?y=1", "HTTP://evil", "t.me/evil", "пример.рф", "tg://resolve?domain=x", "mailto:a@b.cd",
        "＠desk", "x.y.z.example", "report.pdf", "2026-11-30 0912345678", "1 2 3 4 5 6 7 8",
    ],
)  # fmt: skip
def test_nothing_in_it_is_tappable_and_it_reads_as_written(words: str) -> None:
    inert = make_inert(f"told {words} today")
    assert TAPPABLE.search(f"told {words} today")  # the check itself finds it
    assert not TAPPABLE.search(inert)
    assert inert.replace(JOINER, "") == f"told {words} today"


@pytest.mark.parametrize(
    "words",
    [
        "2026-11-30 12:00:00 UTC = 2026-11-30 18:30:00 Asia/Yangon", "three dead, 3.5 km away", "no. It fell", "and/or",
        "</a> <b>", "5 of 12", "$100", "တိုင်းစစ်ဌာနချုပ်", "a - b", "12:30",
    ],
)  # fmt: skip
def test_what_nobody_can_tap_stays_byte_for_byte(words: str) -> None:
    assert make_inert(words) == words


@given(st.text(alphabet="@#/$.: \n+-()019aZ_ထж\u2060\u200d", max_size=60))
def test_any_words_are_inert_once_and_then_stay(words: str) -> None:
    inert = make_inert(words)
    assert not TAPPABLE.search(inert)
    assert inert.replace(JOINER, "") == words.replace(JOINER, "")
    assert make_inert(inert) == inert

"""PURE: the words of a post that are compared with those of others: folded, without addresses and signature."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain

from bot.events.denials import count_denials
from storage.events.fingerprints import SHINGLE, choose_prints, number_shingles
from storage.language.fold import CLOSED, fold
from storage.language.words import PLURAL, POSSESSIVE

SHORT = 12  # tokens below which texts say too little to be nearly the same
_MOST = 2_000  # tokens that are compared; a statement is shorter
_NAME = 4  # tokens
SIGNED_POSTS = 3  # so many posts in a row have to end alike before that is taken for a signature
# Web addresses, mail addresses and handles: of ASCII, for other scripts are beside them without a space. Every part is
# bounded, so that any text costs linearly.
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,15}://[!-~]+|\b(?:www\.|t\.me/|telegram\.me/)[!-~]+"
    r"|[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}\.[a-z0-9.-]{1,190}|(?<![a-z0-9_])@[a-z0-9_]{2,64}",
    re.IGNORECASE | re.ASCII,
)
_PERCENT = re.compile("[%٪％]")  # 40 of them are others than 40 percent of them
_CROSSED = re.compile("[\u274c\u274e\U0001f6ab]+")  # a cross says that something is false
_MINUS = re.compile(r"(?<=[^\n\w] )[-\u2212](?=\d)|(?<=\w )[-\u2212](?=\d)")
_DIGIT, _ASCII_DIGIT = re.compile(r"\d"), re.compile("[0-9]")  # in ASCII the second finds the same, and faster
_ISO_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_HALF_DAY = re.compile(r"\b(1[0-2]|0?[1-9])(?:[:.]([0-5]\d))? ?([ap])\.?m\b\.?", re.IGNORECASE)
_HOURS = re.compile(r"\b([01]\d|2[0-3])([0-5]\d) ?(?:hrs|hours|h)\b", re.IGNORECASE)
_BELOW_ONE = re.compile(r"(?<![\d.,])0[.,](?=\d)")  # 0.5 is another number than 5
_VIEWS = re.compile(
    r"\n[^\w\n]{0,8}\d[\d.,]{0,12}[km]? (?:views?|просмотр\w{0,4}|перегляд\w{0,4})\s{0,8}$", re.IGNORECASE
)
# What dates, signs and times of day need: found faster than that those do not fit.
_SIGNED = re.compile(r"[-\u2212]\d")
_TIMED = re.compile(r"\d ?(?:[hH]|[apAP]\.?[mM])")
# 2.5 million: a number that is no whole one, and what it counts; in Burmese the scale comes first.
_SCALES = {
    **dict.fromkeys(("thousand", "тис", "тыс", "тисяч", "тысяч", "千", "พัน", "ألف", "ထောင်"), 3),
    **dict.fromkeys(("万", "萬", "หมื่น", "သောင်း"), 4),
    **dict.fromkeys(("lakh", "แสน", "သိန်း"), 5),
    **dict.fromkeys(("million", "mln", "mn", "млн", "мільйона", "миллиона", "百万", "百萬", "ล้าน", "مليون", "သန်း"), 6),
    **dict.fromkeys(("crore", "ကုဋေ"), 7),
    **dict.fromkeys(("亿", "億"), 8),
    **dict.fromkeys(("billion", "bn", "млрд", "мільярда", "миллиарда", "十亿", "مليار"), 9),
    **dict.fromkeys(("trillion", "trn", "tn"), 12),
}
_ANY_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_PARTS = re.compile(rf"(?<![\d.,])(\d{{1,6}})[.,](\d{{1,3}})[ \u00a0]?({_ANY_SCALE})(?![a-zа-яіїєґ])\.?", re.IGNORECASE)
_PART = re.compile(r"\d[.,]\d")
_PARTS_AFTER = re.compile(r"(သိန်း|သန်း|သောင်း|ကုဋေ)[ \u00a0]?(\d{1,6})[.](\d{1,3})(?!\d)")
_CUT_NUMBER = re.compile(r"[\d零一二三四五六七八九十百千万]{1,20}(?=(?:…|\.{3})[^\w\n]*$)", re.MULTILINE)
_AS_LETTER = {"0": "o", "1": "l", "5": "s"}
_DIGIT_IN_WORD = re.compile("(?<=[a-z])[015](?=[a-z])")  # weap0ns
_QUESTION = re.compile(
    r"(?<=[^\W\d_])[»”\"’)]?[?？؟]+(?=\W|$)"
)  # what is asked is not said; a digit may be a misread mark
# What a channel may put before each of its posts: the time, or how many they are by now.
_STAMPS = (
    re.compile(r"[^\w#№\n]{0,8}\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?![\w:.])[^\w\n]{0,8}"),
    re.compile(r"[^\w#№\n]{0,8}[#№] ?\d{1,6}(?!\w)[^\w\n]{0,8}"),
)


@dataclass(frozen=True)
class ComparedWords:
    """The compared words of one text, in order.

    `whole` is the text with its signature, where little is left without it, or without a last line that holds an
    address: what a source says again and again with another number looks like a signature, and an equal text is a copy
    all the same. `stamped` says that the source's
    clock or count was taken off the beginning: what it says again is something new then.
    """

    tokens: tuple[str, ...]
    whole: tuple[str, ...] = ()
    stamped: bool = False

    @property
    def short(self) -> bool:
        return len(self.tokens) < SHORT

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.tokens)

    @cached_property
    def shingles(self) -> frozenset[tuple[str, ...]]:
        """Each three words that follow each other."""
        tokens = self.tokens
        if len(tokens) < SHINGLE:
            return frozenset((tokens,) if tokens else ())
        return frozenset(zip(tokens, tokens[1:], tokens[2:], strict=False))

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """A number for each of them, in order."""
        return number_shingles(self.tokens)

    @cached_property
    def prints(self) -> frozenset[int]:
        """Some of these numbers, by which the text is kept and found."""
        return choose_prints(self.numbers)


def make_words(tokens: Sequence[str]) -> ComparedWords:
    """The words of a text whose tokens are known."""
    return ComparedWords(tuple(tokens[:_MOST]))


def read_words(text: str, earlier: Sequence[str] = ()) -> ComparedWords:
    """Fold a text, without web addresses, handles and the signature of its source.

    The signature is what also ended the source's last three posts (`earlier`, as texts); for a source with fewer, the
    last line if it holds a handle or an address, or if it is short and below a line that ends with dots. A clock or a
    count with which its last three posts began as well is taken off, too.
    """
    if len(earlier) < SIGNED_POSTS:
        return make_words(list_tokens(_without_addressed_end(text)))
    bare = _without_stamp(text, earlier[:SIGNED_POSTS])
    words = _without_signature(bare, earlier)
    if bare == text:
        return words
    return _without_signature(text, earlier) if words.short else replace(words, stamped=True)


def _without_stamp(text: str, earlier: Sequence[str]) -> str:
    for stamp in _STAMPS:
        found = stamp.match(text)
        if found and all(map(stamp.match, earlier)):
            return text[found.end() :]
    return text


def _without_signature(text: str, earlier: Sequence[str]) -> ComparedWords:
    tokens = list_tokens(text)
    signature = common_end([list_tokens(other) for other in earlier[:SIGNED_POSTS]])
    if 0 < len(signature) < len(tokens) and tokens[-len(signature) :] == signature:
        tokens = tokens[: -len(signature)]
        if len(tokens) >= SHORT:
            return make_words(tokens)
    elif not has_address(text):
        return make_words(tokens)
    whole = tuple(list_tokens(_without_addressed_end(text)))[:_MOST]
    return replace(make_words(tokens), whole=whole if len(whole) >= SHORT and list(whole) != tokens else ())


def list_tokens(text: str) -> list[str]:
    """The folded tokens of a text, bare; addresses and handles are no words."""
    return list(_tokens_of(text))


@lru_cache(maxsize=256)  # each text is compared with the next ones of its source, too
def _tokens_of(text: str) -> tuple[str, ...]:
    if has_address(text):
        text = _ADDRESS.sub(" ", text)
    if "%" in text or "٪" in text or "％" in text:
        text = _PERCENT.sub(" percent ", text)
    if "\u274c" in text or "\u274e" in text or "\U0001f6ab" in text:
        text = _CROSSED.sub(" false ", text)
    if "?" in text or "？" in text or "؟" in text:
        text = _QUESTION.sub(" questionmark ", text)
    if "…" in text or "..." in text:
        text = _CUT_NUMBER.sub("", text)
    digit = (_ASCII_DIGIT if text.isascii() else _DIGIT).search(text)
    if digit is not None:
        text = _write_numbers_one_way(text, digit.start())
    if "\n" not in text:
        return tuple(_fold_line(text))
    return tuple(chain.from_iterable(map(_fold_line, text.split("\n"))))


def _write_numbers_one_way(text: str, first: int) -> str:
    """Dates, clock times and signs as they are compared, and no number of views in the last line.

    `first` is where the first digit is.
    """
    if _DIGIT_IN_WORD.search(text, first):
        text = _DIGIT_IN_WORD.sub(lambda found: _AS_LETTER[found[0]], text)
    text = _VIEWS.sub("", text)
    if _SIGNED.search(text, max(first - 1, 0)):
        text = _ISO_DATE.sub(r"\3 \2 \1", text)
    if _PART.search(text, first):
        text, first = _PARTS.sub(_as_whole_number, _PARTS_AFTER.sub(r"\2.\3 \1", text)), 0
    if _TIMED.search(text, first):
        text = _HOURS.sub(r"\1:\2", _HALF_DAY.sub(_as_whole_day, text))
    if _PART.search(text, first):
        text = _BELOW_ONE.sub(" nought ", text)
    return _MINUS.sub(" minus ", text) if _SIGNED.search(text, max(first - 1, 0)) else text


def _as_whole_number(found: re.Match[str]) -> str:
    """2.5 million is 2500000, however it is written."""
    zeros = _SCALES[found[3].casefold()] - len(found[2])
    return f"{int(found[1] + found[2]) * 10**zeros} " if zeros >= 0 else found[0]


def _as_whole_day(clock: re.Match[str]) -> str:
    """6:20 pm is 18:20."""
    hour = int(clock[1]) % 12 + (12 if clock[3] in "pP" else 0)
    return f"{hour:02}:{clock[2] or '00'}"


def has_address(text: str) -> bool:
    """Whether a web address, a mail address or a handle is in a text."""
    hinted = "@" in text or "://" in text
    if not hinted and "." in text:
        small = text.casefold()
        hinted = "www." in small or ".me/" in small
    return hinted and _ADDRESS.search(text) is not None


def _fold_line(line: str) -> list[str]:
    folded = fold(line)
    if CLOSED in folded:
        folded = folded.partition(f" {CLOSED}")[0]
    return folded.replace("-", " ").replace(PLURAL, "").replace(POSSESSIVE, "").split()


def common_end(texts: Sequence[Sequence[str]]) -> list[str]:
    """The tokens with which all of these end."""
    first, *others = texts
    count = 0
    while count < len(first) and all(count < len(other) and other[-1 - count] == first[-1 - count] for other in others):
        count += 1
    return list(first[len(first) - count :])


def _without_addressed_end(text: str) -> str:
    body, _, last = text.rstrip().rpartition("\n")
    if not body.strip():
        return text
    if has_address(last):
        return text if count_denials(list_tokens(last)) else body
    return body if _ends_with_dots(body) and _is_name(last) else text


def _ends_with_dots(text: str) -> bool:
    return text.rstrip().endswith(("…", "..."))


def _is_name(line: str) -> bool:
    """Whether a line below dots is who trimmed the text, and says nothing about it."""
    tokens = list_tokens(line)
    return len(tokens) <= _NAME and not count_denials(tokens)

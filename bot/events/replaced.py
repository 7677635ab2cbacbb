"""PURE: whether words in the place of others say something else, or the same: misread, bent, or of no weight."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache

from bot.events.denials import count_denials, may_be_misread, outline
from bot.events.numerals import find_values
from storage.language.fold import fold

LITTLE = frozenset(
    ("the", "a", "an", "our", "their", "its", "his", "her", "this", "that", "these", "those", "of", "and", "all")
)
# What says nothing of its own in the place of something else. Chinese and Burmese: characters and syllables.
_WEIGHTLESS = (
    "the a an of and at on with that this these those which who it its is was are were be been being has have had"
    " having can as also there here then now just so do does did will would shall he she his her him in for"
    " said say stated announced announces declared reported according"
    " 的 了 在 于 和 与 及 是 为 也 都 已 之 地 得 将 则 就 而 并 并且 该 此 这 那 称 说 道"
    " က ကို သည် တယ် မှ တွင် မှာ ၌ ၏ ရဲ့ များ ခဲ့ ပြီး လည်း နှင့် နဲ့ သော တဲ့ ဟု လို့ ပါ ကြ ရန် ဖို့ ဖြင့် အ"
    " ที่ ใน ของ และ ได้ ก็ ว่า แล้ว นี้ นั้น ๆ"
    " і й та в у на з із до що як це то цей ця и с со что как это же"
    " في من و على إلى أن قد هذا هذه ذلك"
)
# Words of a head and of an end: whoever copies puts his own there.
_HEADS = (
    "via from source breaking urgent update updated news statement report official live exclusive forwarded repost"
    " reposted flash important attention watch press office spokesman spokesperson spokeswoman desk radio writes wrote"
    " 快讯 突发 来源 转发 转自 最新 消息 记者 သတင်း ထူးခြား ด่วน ข่าว ที่มา"
    " терміново джерело срочно молния источник عاجل مصدر"
)
_ENDS = (
    "via source photo video read more rest continue continued follow subscribe join channel telegram facebook twitter"
    " website link below credit 来源 转自 关注 订阅 频道 记者 编辑 ဆက်ဖတ် ချန်နယ် မူရင်း ที่มา ติดตาม อ่านต่อ"
    " джерело канал підписатися підпишись источник подписаться подпишись مصدر قناة"
)
_SIGNED = 12  # tokens: a head or an end of the channel is no longer
# Characters that cameras and engines take for each other.
_ALIKE = (
    *(
        "己已巳",
        "末未",
        "人入八",
        "土士",
        "日曰目",
        "大太犬",
        "干千于",
        "田由甲申",
        "刀力",
        "天夫无",
        "木本术",
        "王玉主",
        "午牛",
    ),
    *(
        "问间",
        "晴睛",
        "侯候",
        "兔免",
        "今令",
        "折拆",
        "崇祟",
        "徒徙",
        "辨辩",
        "暮幕慕",
        "治冶",
        "毫亳",
        "拔拨",
        "戌戍戊",
        "品晶",
        "院阮",
        "体休",
        "线钱",
        "炮泡",
        "场扬",
        "鸟乌",
    ),
    *(
        "乒乓兵",
        "贝见",
        "风凤",
        "历厉",
        "住往佳",
        "待侍",
        "持特",
        "晚睌",
        "军车",
        "名各",
        "石右",
        "句旬",
        "免兔",
        "壁璧",
        "逐遂",
    ),
)
_STEM = 4  # letters that forms of one word share
_LONG = 6  # letters of a word in which one of them may be wrong
_SUFFIXES = frozenset(("", "e", "s", "es", "d", "ed", "ing", "ly", "man", "woman", "person"))
_SAME = 0.6


def says_otherwise(gone: Sequence[str], come: Sequence[str]) -> bool:
    """Whether each of two stretches, one in the place of the other, has words of weight that the other has not."""
    ours, theirs = _weighty(gone, come), _weighty(come, gone)
    return bool(ours) and bool(theirs) and not is_misread(gone, come) and not is_misread(ours, theirs)


def is_head(tokens: Sequence[str]) -> bool:
    """Whether what a text begins with is the channel's own, and no part of the statement."""
    return _has_one_of(tokens, _marks(_HEADS))


def is_end(tokens: Sequence[str]) -> bool:
    """Whether what a text ends with is the channel's own, and no part of the statement."""
    return _has_one_of(tokens, _marks(_ENDS))


def _has_one_of(tokens: Sequence[str], marks: frozenset[tuple[str, ...]]) -> bool:
    return len(tokens) <= _SIGNED and any(
        tuple(tokens[at : at + len(mark)]) == mark for mark in marks for at in range(len(tokens))
    )


def _weighty(tokens: Sequence[str], others: Sequence[str]) -> list[str]:
    """The words that say something which none of the others does; numbers are compared elsewhere."""
    named = {value for *_, value in find_values(others)}
    counted = {
        place
        for start, end, value in find_values(tokens)
        if value[0].isdecimal() or value in named
        for place in range(start, end)
    }
    outlines = {outline(other) for other in others}
    return [
        token
        for place, token in enumerate(tokens)
        if place not in counted
        and not token.isdecimal()
        and token not in find_weightless()
        and not count_denials((token,))
        and outline(token) not in outlines
        and not any(_is_same_word(token, other) for other in others)
    ]


def _is_same_word(one: str, other: str) -> bool:
    """Whether two words that look different are one, in another form or with a wrong letter."""
    if is_syllable(one) or is_syllable(other):
        return one + other in _alike()
    least, most = sorted((len(one), len(other)))
    if least >= _LONG and most - least <= 1 and _differ_by_one(one, other):
        return True
    return _is_same_stem(one, other)


def _differ_by_one(one: str, other: str) -> bool:
    """Whether one letter is another, missing or too many."""
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return (
        one[start + 1 :] == other[start + 1 :] or one[start + 1 :] == other[start:] or one[start:] == other[start + 1 :]
    )


def _is_same_stem(one: str, other: str) -> bool:
    if one[:_STEM] != other[:_STEM]:
        return False
    common = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if "\u0400" <= one[0] <= "\u052f":  # bent at the end
        return max(len(one), len(other)) - common <= 3
    return one[common:] in _SUFFIXES and other[common:] in _SUFFIXES


def is_misread(here: Sequence[str], there: Sequence[str]) -> bool:
    """Whether one is probably the other, misread: letter by letter in alphabets, more or less in syllables."""
    one, other = "".join(here), "".join(there)
    if one == other:
        return True
    if len(here) == len(there) == 1 and here[0] + there[0] in _alike():
        return True
    if here and there and all(map(is_syllable, (*here, *there))):
        return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _SAME
    return may_be_misread(one, other)


def is_syllable(token: str) -> bool:
    """Whether a token is of a script that is cut into syllables or characters."""
    return "\u0e00" <= token[0] < "\uac00" or token[0] > "\ud7ff"


@cache
def find_weightless() -> frozenset[str]:
    """The tokens that say nothing of their own."""
    return frozenset(token for word in _WEIGHTLESS.split() for token in fold(word).split(" "))


@cache
def _marks(words: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(fold(word).replace("+", "").split(" ")) for word in words.split())


@cache
def _alike() -> frozenset[str]:
    return frozenset(one + other for group in _ALIKE for one in group for other in group if one != other)

"""PURE: what numbers, dates and opposites a few tokens name: in digits, in words, as months, days and directions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from storage.language.fold import fold

_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "first:1 second:2 third:3 fourth:4 fifth:5 sixth:6 seventh:7 eighth:8 ninth:9 tenth:10 eleventh:11 twelfth:12"
    " dozen:12 thirteenth:13 fourteenth:14 fifteenth:15 sixteenth:16 seventeenth:17 eighteenth:18 nineteenth:19"
    " twentieth:20 ii:2 iii:3 iv:4 vi:6 vii:7 viii:8 ix:9 xi:11 xii:12 xiii:13 xiv:14 xv:15 xvi:16 xvii:17 xviii:18"
    " xix:19 xx:20"
)
# Burmese syllables, Chinese characters; Thai words are several clusters, so that only their whole run is a number.
_OTHERS = (
    "တစ်:1 နှစ်:2 သုံး:3 လေး:4 ငါး:5 ခြောက်:6 ခုနစ်:7 ခုနှစ်:7 ရှစ်:8 ကိုး:9 ဆယ်:10 ဆယ့်:10 ရာ:100 ထောင်:1000 သောင်း:10000 "
    "一:1 二:2 两:2 兩:2 三:3 四:4 五:5 六:6 七:7 八:8 九:9 十:10 百:100 千:1000 万:10000 萬:10000 "
    "hundred:100 thousand:1000 million:1000000"
)
_THAI = "หนึ่ง:1 สอง:2 สาม:3 สี่:4 ห้า:5 หก:6 เจ็ด:7 แปด:8 เก้า:9 สิบ:10 ร้อย:100 พัน:1000"
_DATES = (
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "ဇန်နဝါရီ ဖေဖော်ဝါရီ မတ် ဧပြီ မေ ဇွန် ဇူလိုင် ဩဂုတ် စက်တင်ဘာ အောက်တိုဘာ နိုဝင်ဘာ ဒီဇင်ဘာ",
    "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม",
)
_DAYS = (
    "monday tuesday wednesday thursday friday saturday sunday",
    "တနင်္လာ အင်္ဂါ ဗုဒ္ဓဟူး ကြာသပတေး သောကြာ စနေ တနင်္ဂနွေ",
    "จันทร์ อังคาร พุธ พฤหัสบดี ศุกร์ เสาร์ อาทิตย์",
)
# What is said in a few ways: those with a bar between them are different.
_OPPOSITES = {
    "direction": "north northern 北 เหนือ північ північний | south southern 南 ใต้ південь південний"
    " | east eastern 东 အရှေ့ ตะวันออก схід східний | west western 西 အနောက် ตะวันตก захід західний",
    "hour": "am morning dawn 上午 早上 今晨 清晨 နံနက် မနက် เช้า ранок вранці | noon midday 中午 နေ့လယ် เที่ยง"
    " | pm afternoon 下午 မွန်းလွဲ บ่าย | evening 傍晚 ညနေ เย็น ввечері | night tonight 夜 晚上 ည คืน вночі | midnight 午夜",
    "when": "today 今天 今日 ယနေ့ ဒီနေ့ วันนี้ сьогодні | yesterday 昨天 昨日 ယမန်နေ့ မနေ့က เมื่อวาน вчора"
    " | tomorrow 明天 明日 မနက်ဖြန် พรุ่งนี้ завтра",
    "access": "open opened reopened 开放 | closed shut 关闭",
    "fate": "dead killed died 死亡 遇难 သေဆုံး เสียชีวิต загинули | wounded injured 受伤 ဒဏ်ရာ บาดเจ็บ поранені",
    "hold": "captured seized taken 占领 控制 | lost abandoned 失守 | repelled 击退",
}
_POWERS = (10, 100, 1000, 10_000, 1_000_000)


def find_values(tokens: Sequence[str]) -> list[tuple[int, int, str]]:
    """What these tokens name that has another value elsewhere, in order: (start, end, "35" or "month 11").

    Numbers, months, days of the week, and words that have an opposite: "direction north", "fate dead".
    """
    found: list[tuple[int, int, str]] = []
    run: list[tuple[int, int, int]] = []
    place = 0
    while place < len(tokens):
        length, value = _longest_name(tokens, place)
        if isinstance(value, int):
            run.append((place, place + length, value))
        else:
            found += _said(run)
            run = []
            found += [(place, place + length, value)] if value else []
        place += length
    return found + _said(run)


def kind_of(value: str) -> str:
    """Of which kind a value is: numbers and dates are one, each sort of opposites another."""
    what, _, _ = value.partition(" ")
    return what if what in _OPPOSITES else "number"


def _longest_name(tokens: Sequence[str], place: int) -> tuple[int, int | str | None]:
    if tokens[place].isdecimal():
        return 1, int(tokens[place][:18])
    for name, value in _beginning().get(tokens[place], ()):
        if tuple(tokens[place : place + len(name)]) == name:
            return len(name), value
    return 1, None


def _said(run: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, str]]:
    """Numerals in a row as numbers: thirty five and 三十五 are one; two digits beside each other are two."""
    numbers: list[tuple[int, int, int]] = []
    smallest = 0  # a power of ten below which the next numeral still belongs to the last number
    for start, end, value in run:
        first, _, last = numbers[-1] if numbers else (0, 0, 0)
        if value in _POWERS and 0 < last < value:
            numbers[-1] = first, end, last * value
            smallest = value
        elif value < smallest:
            numbers[-1] = first, end, last + value
            smallest = 10 if 20 <= value < 100 else 0
        else:
            numbers.append((start, end, value))
            smallest = value if value in _POWERS else 10 if 20 <= value < 100 and value % 10 == 0 else 0
    return [(start, end, str(value)) for start, end, value in numbers]


@cache
def _beginning() -> dict[str, list[tuple[tuple[str, ...], int | str]]]:
    """Every name by its first token, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], int | str]]] = {}
    for name, value in sorted(_names().items(), key=lambda pair: -len(pair[0])):
        found.setdefault(name[0], []).append((name, value))
    return found


@cache
def _names() -> dict[tuple[str, ...], int | str]:
    """Every name, as it is folded."""
    known: dict[str, int | str] = dict(zip(_ENGLISH.split(), range(20), strict=True))
    known |= dict(zip(_TENS.split(), range(20, 100, 10), strict=True))
    for pair in f"{_ORDINALS} {_OTHERS} {_THAI}".split():
        name, _, value = pair.partition(":")
        known[name] = int(value)
    for table, what in ((_DATES, "month"), (_DAYS, "day")):
        for names in table:
            known |= {name: f"{what} {number}" for number, name in enumerate(names.split(), 1)}
    for what, names in _OPPOSITES.items():
        for group in names.split("|"):
            first, *others = group.split()
            known |= dict.fromkeys((first, *others), f"{what} {first}")
    return {tuple(fold(name).split(" ")): value for name, value in known.items()}

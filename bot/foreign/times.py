"""PURE: reads dates as people write them, in many languages; what is not certain is no time, never a wrong day."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from unicodedata import category, decimal, normalize

from bot.foreign.moments import is_usable
from bot.foreign.time_words import AFTER_NOON, BEFORE_NOON, MONTHS, NOISE, WEEKDAYS, fold_name
from bot.foreign.time_zones import knows_zone, offset_of

Day = tuple[int, int, int]  # year, month, day as written

_LONGEST = 120
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_THAI_YEARS = 543  # how far the Buddhist era of Thailand is ahead
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民国": 1911, "民國": 1911, "주체": 1911, "主体": 1911}
_OF_ERA = re.compile(rf"({'|'.join(_ERAS)}) ?(\d{{1,3}}|元)(?= ?[年년.])")
_HALF = "|".join(
    f"(?P<{name}>{name[0]}\\. ?m\\.?|{'|'.join(map(re.escape, words.split()))})"
    for name, words in (("am", BEFORE_NOON), ("pm", AFTER_NOON))
)
_HALF_BEHIND = re.compile(rf"\s*(?:{_HALF})(?!\w)")
_HALF_BEFORE = re.compile(rf"(?<!\w)(?:{_HALF})\s*$")
_CLOCKS = tuple(
    re.compile(pattern)
    for pattern in (
        r"t?(?<![\d+-])(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?(?![\d:])",
        r"(?<!\d)(\d{1,2}) ?[時时点點시] ?(?:(\d{1,2}) ?[分분])? ?(?:(\d{1,2}) ?[秒초])?",
        r"(?<!\d)(\d{1,2}) ?(?:h|giờ|နာရီ|ч) ?(\d{1,2})?(?: ?(?:မိနစ်|phút|мин|min|m))?(?!\w)",
        r"(?<=t)(\d{2})(?:(\d{2})(\d{2})?)?(?=z|[+-]|$)",
        r"(?<![\d.])(\d{1,2})\.(\d{2})(?:\.(\d{2}))?(?![\d.])",
        r"(?<![\d.])(\d{1,2})(?= ?(?:[ap]\.? ?m\.?|uhr)(?!\w))",
    )
)
_OFFSET = re.compile(r"[\s§\[(]*(?:[a-z]{1,5} ?)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?00)?(?!\d)[)\]]?")
_WEEK = re.compile(r"(\d{4})-?w(\d{2})-?([1-7])(?!\d)")
_DAY_OF_YEAR = re.compile(r"(\d{4})-(\d{3})(?![\d-])")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4}) ?[-/.年년] ?(\d{1,2}) ?[-/.月월] ?(\d{1,2})(?!\d)(?: ?[日일号號])?\.?")
_YEAR_LAST = re.compile(r"(?<![\d.])(\d{1,2}) ?([-/.]) ?(\d{1,2}) ?\2 ?(\d{4})(?!\d)\.?")
_VIETNAMESE = re.compile(r"(?<!\d)(\d{1,2}),? ?(?:tháng|thg) ?(\d{1,2}) ?,? ?(?:năm)? ?(\d{4})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?:t?(\d{2})(\d{2})(\d{2})?(?:[.,](\d{1,9}))?)?(?!\d)")
_CHINESE_DIGITS = {digit: str(at) for at, digit in enumerate("〇一二三四五六七八九")} | {"零": "0"}
_CHINESE_NUMBER = re.compile("[〇零一二三四五六七八九十廿卅]+(?=[年月日号號時时点點分秒])")
_WEEKDAY_OF_EAST_ASIA = re.compile(
    r"\(?(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]\)?|[月火水木金土日]曜日?|[월화수목금토일]요일"
    r"|\([月火水木金土日월화수목금토일一二三四五六]\)"
)
_NUMBER = re.compile(r"(?<!\d)'?\d{1,4}(?!\d)")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|re|º|ª|°|-?го|-?е|-?ე|-?a|:nde?|ος|o)(?![^\W\d_])")
_WORD = re.compile(r"""[^\W\d_][^\s\d,;|/()\[\]<>"“”«»+:·•@_§၊။،、。!?-]*""")
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
_EAST = r"[+-](?:0\d|1[0-3]):?[0-5]\d"
_ISO_8601 = re.compile(rf"(?:19|20|21)\d\d-\d\d-\d\dT{_CLOCK}(?:\.\d{{3}}|\.\d{{6}})?(?:Z|{_EAST})", re.ASCII)
_ENGLISH_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_RFC_2822 = re.compile(
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d\d?) ({'|'.join(re.findall('...', _ENGLISH_MONTHS))}) "
    rf"((?:19|20|21)\d\d) ({_CLOCK}) (?:GMT|UTC|({_EAST}))",
    re.ASCII,
)
_TAKEN = " § "  # what a date leaves in its place


def read_usable_time(words: str, now: int) -> int | None:
    """The moment, as `read_time` finds it, if something can have been published then."""
    at = read_time(words) if words else None
    return at if is_usable(at, now) else None


def read_time(words: str, zone: tzinfo | None = None) -> int | None:
    """Microseconds UTC; None where the words are not certain to mean one moment.

    `zone` is where the source is: for times without a zone, which are UTC otherwise, and for names of several zones.
    """
    with suppress(ValueError, OverflowError):
        moment = _usual(words) or _from_epoch(words.strip()) or _written(_prepared(words), zone)
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return None


def _usual(words: str) -> datetime | None:
    """What nearly all programs write, read in a fiftieth of the time. Raises ValueError where there is no such day."""
    if _ISO_8601.fullmatch(words):
        return datetime.fromisoformat(words)
    if found := _RFC_2822.fullmatch(words):
        day, month, year, clock, offset = found.groups()
        number = _ENGLISH_MONTHS.index(month) // 3 + 1
        return datetime.fromisoformat(f"{year}-{number:02}-{day:0>2}T{clock}{offset or '+00:00'}")
    return None


def _from_epoch(words: str) -> datetime | None:
    """Seconds since 1970, or their thousandths or millionths."""
    found = re.fullmatch(r"@?(\d{9,10}(?:\.\d{1,9})?|\d{13}|\d{16})", words, re.ASCII)
    if not found:
        return None
    unit = {13: 1_000, 16: 1}.get(len(found[1]), 1_000_000) if "." not in found[1] else 1_000_000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(float(found[1]) * unit))


def _prepared(words: str) -> str:
    """Small letters, digits of every script as ASCII, one kind of dash and of space, no invisible marks."""
    if len(words) > _LONGEST:
        raise ValueError
    text = normalize("NFC", normalize("NFKC", words).casefold())
    text = "".join(str(decimal(letter, "")) or letter for letter in text if category(letter) != "Cf")
    text = " ".join(re.sub("[\u2010-\u2015\u2212]", "-", text).replace("§", " ").split())
    text = _CHINESE_NUMBER.sub(lambda found: _chinese(found[0]), text)
    return _OF_ERA.sub(lambda found: str(_ERAS[found[1]] + (1 if found[2] == "元" else int(found[2]))), text)


def _chinese(number: str) -> str:
    if not any(ten in number for ten in "十廿卅"):
        return "".join(_CHINESE_DIGITS[digit] for digit in number)
    tens, _, ones = number.replace("廿", "二十").replace("卅", "三十").partition("十")
    return str(int(_CHINESE_DIGITS.get(tens, "1")) * 10 + int(_CHINESE_DIGITS.get(ones, "0")))


def _written(text: str, zone: tzinfo | None) -> datetime:
    """The moment; raises ValueError where it is not certain."""
    days, clock, rest = _numeric(text)
    if clock is None:
        clock, rest, at = _clock(rest, at=0 if days and "+" in rest else -1)
    else:
        at = 0
    rest, offset = _offset(rest, at)
    if not days:
        days, rest = _with_month(rest)
    if offset == 7 * 60 or getattr(zone, "key", "") == "Asia/Bangkok" or _in_thai(text):
        days = [(_from_thai(year), month, day) for year, month, day in days]
    weekdays, zones = _leftovers(rest, explicit=offset is not None)
    day = _one_day(days, weekdays)
    local = datetime(day.year, day.month, day.day, tzinfo=UTC) + clock
    if offset is None and zones:
        offsets = {offset_of(name, local, zone) for name in zones}
        offset = offsets.pop() if len(offsets) == 1 else None
        if offset is None:
            raise ValueError
    if offset is None and zone is not None:
        return local.replace(tzinfo=zone).astimezone(UTC)
    return local - timedelta(minutes=offset or 0)


# Days -------------------------------------------------------------------------------------------------------------


def _numeric(text: str) -> tuple[list[Day], timedelta | None, str]:
    """The days that a date in digits can mean, its clock where the digits run on, and what is left."""
    if week := _WEEK.match(text):
        day = date.fromisocalendar(int(week[1]), int(week[2]), int(week[3]))
        return [(day.year, day.month, day.day)], None, text[week.end() :]
    if of_year := _DAY_OF_YEAR.match(text):
        day = date(int(of_year[1]), 1, 1) + timedelta(days=int(of_year[2]) - 1)
        return [(day.year, day.month, day.day)], None, text[of_year.end() :]
    if found := _YEAR_FIRST.search(text):
        return [(int(found[1]), int(found[2]), int(found[3]))], None, _without(text, found)
    if found := _YEAR_LAST.search(text):
        return _orders(int(found[1]), found[2], int(found[3]), int(found[4])), None, _without(text, found)
    if found := _VIETNAMESE.search(text):
        return [(int(found[3]), int(found[2]), int(found[1]))], None, _without(text, found)
    if found := _COMPACT.search(text):
        clock = _checked(found[4], *found.groups()[4:]) if found[4] else None
        rest = text[found.end() :] if clock is not None and not found.start() else _without(text, found)
        return [(int(found[1]), int(found[2]), int(found[3]))], clock, rest
    return [], None, text


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]}{_TAKEN}{text[found.end() :]}"


def _orders(first: int, sign: str, second: int, year: int) -> list[Day]:
    """With dots the day is written before the month; with other signs some write the month first."""
    day_first, month_first = (year, second, first), (year, first, second)
    if sign == "." and second <= 12:
        return [day_first]
    return list(dict.fromkeys(day for day in (day_first, month_first) if day[1] <= 12))


def _with_month(text: str) -> tuple[list[Day], str]:
    """The days that a date with the name of a month can mean, and what is left of the text."""
    text = _ORDINAL.sub(" ", text)
    named = [(found, months) for found in _words(text) if (months := _months(found[0]))]
    if len({months for _, months in named}) > 1:  # one is a weekday in the same language, as "mar" in Spanish
        named = [(found, months) for found, months in named if fold_name(found[0]) not in WEEKDAYS]
    numbers = list(_NUMBER.finditer(text))
    if len({months for _, months in named}) != 1 or len(numbers) != 2:
        raise ValueError
    found, months = named[0]  # some write the name twice, as in Egypt and as in Syria
    day, year = _day_and_year(numbers[0][0], numbers[1][0], thai=_in_thai(text))
    behind_a_dot = re.search(r"\d\. ?$", text[: found.start()]) is not None
    for each in sorted((*(name for name, _ in named), *numbers), key=lambda each: -each.start()):
        text = _without(text, each)
    if len(months) > 1 and min(months) != 7 and not behind_a_dot and not _names_a_weekday(text):
        months = frozenset((max(months),))  # Croatian has a dot behind the day, Polish has none
    return [(year, month, day) for month in sorted(months)], text


def _names_a_weekday(text: str) -> bool:
    return any(fold_name(found[0]) in WEEKDAYS for found in _words(text))


def _in_thai(text: str) -> bool:
    return re.search("[\u0e00-\u0e7f]", text) is not None


def _day_and_year(first: str, second: str, *, thai: bool) -> tuple[int, int]:
    """Of two numbers beside a month; a year of two digits is the second, as in RFC 2822 (4.3)."""
    day, year = (second, first) if len(first.strip("'")) == 4 or first.startswith("'") else (first, second)
    digits = year.strip("'")
    if len(day) > 2 or len(digits) not in {2, 4}:
        raise ValueError
    if len(digits) == 4:
        return int(day), int(digits)
    return int(day), int(digits) + (2500 if thai else 2000 if int(digits) < 70 else 1900)


def _months(word: str) -> frozenset[int]:
    name = fold_name(word)
    for each in (name, name.removesuffix("လ"), name.removeprefix("ב"), name.removeprefix("d'")):
        if each in MONTHS:
            return MONTHS[each]
    return frozenset()


def _words(text: str) -> list[re.Match[str]]:
    """The words of the text; up to three that are one name together are one."""
    found = list(_WORD.finditer(text))
    joined: list[re.Match[str]] = []
    at = 0
    while at < len(found):
        for last in (at + 2, at + 1, at):
            if last < len(found) and (one := _ANY.fullmatch(text, found[at].start(), found[last].end())):
                name = fold_name(one[0])
                if last == at or name in MONTHS or name in WEEKDAYS:
                    joined.append(one)
                    at = last + 1
                    break
    return joined


_ANY = re.compile(".+")


def _from_thai(year: int) -> int:
    """The year of a date in Thailand, which is of the Buddhist era where it is far ahead of ours."""
    return year - _THAI_YEARS if _LAST_YEAR < year < 2800 else year


def _one_day(days: Iterable[Day], weekdays: Iterable[frozenset[int]]) -> date:
    """The only day that is meant. The weekday decides between several; many are wrong, so it never refuses one."""
    possible = []
    for day in days:
        with suppress(ValueError):
            possible.append(date(*day))
    named = frozenset[int]().union(*weekdays)
    if len(possible) > 1:
        possible = [day for day in possible if day.weekday() in named]
    if len(possible) != 1 or not _FIRST_YEAR <= possible[0].year <= _LAST_YEAR:
        raise ValueError
    return possible[0]


# Clock and zone ---------------------------------------------------------------------------------------------------


def _clock(text: str, at: int) -> tuple[timedelta, str, int]:
    """The time of day, what is left of the text, and where an offset can follow: `at` where there is no clock."""
    for pattern in _CLOCKS:
        if found := pattern.search(text):
            parts = (*found.groups(), None, None, None)
            before, behind = text[: found.start()], text[found.end() :]
            half = _HALF_BEHIND.match(behind)
            if half:
                behind = behind[half.end() :]
            elif half := _HALF_BEFORE.search(before):
                before = before[: half.start()]
            clock = _checked(
                found[1], parts[1], parts[2], parts[3], half="" if not half else "pm" if half["pm"] else "am"
            )
            return clock, f"{before}{_TAKEN}{behind}", len(before) + len(_TAKEN)
    return timedelta(), text, at


def _checked(
    hour: str, minute: str | None = None, second: str | None = None, fraction: str | None = None, half: str = ""
) -> timedelta:
    hours, minutes, seconds = int(hour), int(minute or 0), int(second or 0)
    if minutes > 59 or seconds > 60 or hours > 24 or (hours == 24 and minutes + seconds):
        raise ValueError
    if half and 1 <= hours <= 12:
        hours = hours % 12 + (12 if half == "pm" else 0)
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=micro)


def _offset(text: str, at: int) -> tuple[str, int | None]:
    """The text without the offset that is written there, and its minutes east of UTC; None where there is none."""
    found = _OFFSET.match(text, at) if at >= 0 else None
    if not found:
        return text, None
    sign, hours, minutes = found.groups()
    offset = (int(hours) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)
    if abs(offset) > 14 * 60 or int(minutes or 0) > 59:
        raise ValueError
    return _without(text, found), offset


def _leftovers(text: str, *, explicit: bool) -> tuple[list[frozenset[int]], set[str]]:
    """The weekdays and the names of zones beside a date; raises ValueError where anything else is left.

    One unknown word may begin a date: a weekday in a language that is not known here. What is in brackets explains an
    offset that is written out.
    """
    text = _WEEKDAY_OF_EAST_ASIA.sub(" ", text)
    if explicit:
        text = re.sub(r"\[[^\]]*\]?|\([^)]*\)?", " ", text)
    if re.search(r"\d", text):
        raise ValueError
    weekdays, zones = [], set()
    for found in _words(text):
        name, is_first = fold_name(found[0]), not text[: found.start()].strip()
        if knows_zone(name) and not (is_first and name in WEEKDAYS):
            zones.add(name)
        elif name in WEEKDAYS and name not in NOISE:
            weekdays.append(WEEKDAYS[name])
        elif name and name not in NOISE and not is_first:
            raise ValueError
    return weekdays, zones

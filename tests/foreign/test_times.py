"""Dates are read as a person reads them, or not at all: never as another day."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.times import read_time

GOLDEN = (Path(__file__).parent / "golden" / "dates.tsv").read_text(encoding="utf-8").splitlines()[1:]
ROWS = [line.split("\t") for line in GOLDEN]


def moment(words: str, zone: str | None = None) -> str:
    at = read_time(words, ZoneInfo(zone) if zone else None)
    return "-" if at is None else (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).isoformat()[:-6]


@pytest.mark.parametrize(("words", "expected"), ROWS, ids=[words for words, _ in ROWS])
def test_a_date_is_read_as_a_person_reads_it_or_not_at_all(words: str, expected: str) -> None:
    assert moment(words) == expected
    assert moment(f"  {words}\n") == expected


@pytest.mark.parametrize(
    ("words", "zone", "expected"),
    [
        ("14 Jun 2026 09:00", "Asia/Yangon", "2026-06-14T02:30:00"),
        ("2026-06-14", "Asia/Yangon", "2026-06-13T17:30:00"),
        ("2026-06-14T09:00:00Z", "Asia/Yangon", "2026-06-14T09:00:00"),
        ("14 Jun 2026 09:00 CEST", "Asia/Yangon", "2026-06-14T07:00:00"),
        ("14 Jun 2026 09:00 +0000", "Asia/Yangon", "2026-06-14T09:00:00"),
        ("14 Jul 2026 09:00", "Europe/Kyiv", "2026-07-14T06:00:00"),
        ("14 Jan 2026 09:00", "Europe/Kyiv", "2026-01-14T07:00:00"),
        ("14 Jun 2026 09:00 BST", "Europe/London", "2026-06-14T08:00:00"),
        ("14 Jun 2026 09:00 BST", "Asia/Dhaka", "2026-06-14T03:00:00"),
        ("14 Jun 2026 09:00 BST", "Asia/Yangon", "-"),
        ("14 Jun 2026 09:00 IST", "Asia/Kolkata", "2026-06-14T03:30:00"),
        ("14 Jun 2026 09:00 IST", "Asia/Jerusalem", "2026-06-14T07:00:00"),
        ("14 Jun 2026 09:00 IST", "Europe/Dublin", "2026-06-14T08:00:00"),
        ("14 Jun 2026 09:00 CST", "Asia/Shanghai", "2026-06-14T01:00:00"),
        ("14 Jun 2026 09:00 CST", "America/Chicago", "2026-06-14T15:00:00"),
        ("14 Jun 2026 09:00 CST", "America/Havana", "2026-06-14T14:00:00"),
        ("14 Jun 2026 09:00 CST", "Europe/Berlin", "-"),
        ("14 Jun 2026 09:00 XYZ", "Asia/Yangon", "-"),
        ("14 Jun 2569 09:00", "Asia/Bangkok", "2026-06-14T02:00:00"),
        ("03/04/2026 09:00", "Europe/London", "-"),
    ],
)
def test_the_zone_of_a_source_is_for_bare_times_and_for_names_of_several_zones(
    words: str, zone: str, expected: str
) -> None:
    assert moment(words, zone) == expected


MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "ru, short": "янв фев мар апр май июн июл авг сен окт ноя дек",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "fa": "ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت سپتامبر اکتبر نوامبر دسامبر",
    "he": "ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר",
    "th": "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม",
    "th, short": "ม.ค. ก.พ. มี.ค. เม.ย. พ.ค. มิ.ย. ก.ค. ส.ค. ก.ย. ต.ค. พ.ย. ธ.ค.",
    "my": "ဇန်နဝါရီ ဖေဖော်ဝါရီ မတ် ဧပြီ မေ ဇွန် ဇူလိုင် ဩဂုတ် စက်တင်ဘာ အောက်တိုဘာ နိုဝင်ဘာ ဒီဇင်ဘာ",
    "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
    "hi": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
    "bn": "জানুয়ারি ফেব্রুয়ারি মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর",
    "zh": "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",
    "ko": "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
    "vi": "tháng_1 tháng_2 tháng_3 tháng_4 tháng_5 tháng_6 tháng_7 tháng_8 tháng_9 tháng_10 tháng_11 tháng_12",
}


@pytest.mark.parametrize("language", MONTHS)
def test_every_month_of_a_language_is_known(language: str) -> None:
    for number, month in enumerate(MONTHS[language].replace("_", "\u00a0").split(" "), 1):
        order = "2026{sign}{month}20{end}" if language in {"zh", "ko"} else "20 {month} 2026"
        words = order.format(
            month=month, sign="年" if language == "zh" else "년", end="日" if language == "zh" else "일"
        )
        assert moment(words.replace("\u00a0", " ")) == f"2026-{number:02}-20T00:00:00"


DAYS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda day: day.replace(microsecond=0))  # noqa: DTZ001
FORMS = [
    "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%a, %d %b %Y %H:%M:%S", "%A %d-%b-%Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y", "%B %d, %Y %I:%M:%S %p", "%Y年%m月%d日 %H:%M:%S", "%d/%b/%Y:%H:%M:%S", "%Y%m%dT%H%M%S",
]  # fmt: skip


@given(DAYS, st.sampled_from(FORMS))
def test_every_moment_is_read_as_itself_in_every_usual_form(day: datetime, form: str) -> None:
    assert moment(day.strftime(form)) == day.isoformat()


@given(
    DAYS,
    st.sampled_from(["%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z"]),
    st.integers(-16 * 4, 16 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
)
def test_what_programs_write_is_read_as_what_people_write(day: datetime, form: str, zone: timezone) -> None:
    written = day.replace(tzinfo=zone).strftime(form)
    assert read_time(written) == read_time(f" {written}")  # what begins with a space is read as people write


@given(DAYS, st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%d.%m.%y"]))
def test_a_date_in_digits_is_never_another_day(day: datetime, form: str) -> None:
    assert moment(day.strftime(form)) in {"-", f"{day:%Y-%m-%d}T00:00:00"}


@given(st.text(max_size=60) | st.from_regex(r"[0-9年月日:/+ TZa-z.-]{0,40}", fullmatch=True))
def test_no_words_break_the_reading_of_dates(words: str) -> None:
    at = read_time(words)
    assert at is None or -(2**53) < at < 2**53

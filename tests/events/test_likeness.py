"""What is a copy: labelled pairs of our own sentences, and the rules one by one."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.events.finding import find_own_words, read_names
from bot.events.likeness import Nearness, compare, may_be_near, may_share_enough
from bot.events.naming import find_names
from bot.events.numerals import find_values
from bot.events.replaced import says_otherwise
from bot.events.words import list_tokens, read_words
from storage.events.fingerprints import number_shingles

PAIRS = Path(__file__).with_name("copies.tsv")
CLAIM = (
    "Statement 14: the regional command at Taungkyar is in our hands since 06:20 this morning, and forty of its soldiers"
    " have laid down their weapons before our men."
)


def pairs() -> list[tuple[str, str, str, str, str]]:
    rows = [line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [(row[0], row[1], row[2], row[3].replace("\\n", "\n"), row[4].replace("\\n", "\n")) for row in rows]


def judged(first: str, later: str) -> str:
    verdict = compare(read_words(first), read_words(later)).verdict
    return "other" if verdict == "contradiction" else verdict


def test_of_300_labelled_pairs_no_two_statements_are_merged_and_95_of_100_copies_are_found() -> None:
    seen = Counter((label, judged(first, later)) for label, _, _, first, later in pairs())
    assert sum(seen.values()) >= 300
    merged = [row for row in pairs() if row[0] != "copy" and judged(row[3], row[4]) == "copy"]
    assert merged == []
    copies = sum(count for (label, _), count in seen.items() if label == "copy")
    assert seen["copy", "copy"] >= 0.95 * copies
    quotes = sum(count for (label, _), count in seen.items() if label == "quote")
    assert seen["quote", "quote"] == quotes


def test_copies_share_a_fingerprint_so_that_they_are_compared_at_all() -> None:
    apart = [
        (how, first)
        for label, _, how, first, later in pairs()
        if label == "copy" and not read_words(first).prints & read_words(later).prints
    ]
    assert apart == []


def test_texts_that_are_not_compared_at_all_would_be_other_statements() -> None:
    read = [(read_words(first), read_words(later)) for *_, first, later in pairs()]
    spared = by_words = 0
    for place, (first, later) in enumerate(read):
        for other in (later, read[place - 1][1], read[place - 1][0]):
            by_words += not may_share_enough(first.tokens, other, Nearness())
            if not may_be_near(first.tokens, other):
                spared += 1
                assert compare(first, other).verdict == "other", (first.tokens, other.tokens)
    assert spared > by_words > 300
    again = read_words("gone " * 30 + "the fleet has left the harbour of the old town before the morning")
    assert may_be_near(again.tokens, again)
    assert may_be_near(again.tokens, read_words("the fleet has left the harbour of the old town before the morning"))
    others = " ".join(f"word{number}" for number in range(30))
    longer = read_words(f"{others} the fleet has left the harbour of the old town before the morning")
    assert compare(again, longer).verdict == "quote"
    assert may_be_near(again.tokens, longer)


def test_the_numbers_of_words_are_the_same_on_every_machine_for_they_are_stored() -> None:
    assert number_shingles(["the", "press", "office", "informs"]) == (4593404136904940113, 3755019439739148929)
    assert number_shingles(["အောင်", "ပွဲ", "၃"]) == (3842282556741268318,)
    assert number_shingles(["one"]) == (3921285566862993619,)
    assert number_shingles([]) == ()


def test_a_word_that_was_misread_is_no_other_word_whatever_is_beside_it() -> None:
    assert not says_otherwise(("modem", "tower"), ("modern", "mast", "towers"))
    assert says_otherwise(("modem", "tower"), ("bridge", "mast", "towers"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("thirty five dead on 3 November", ["35", "fate dead", "3", "month 11"]),
        ("35 people", ["35"]),
        ("三十五人", ["35"]),
        ("သုံးဆယ့်ငါး", ["35"]),
        ("สามสิบห้าคน", ["35"]),
        ("ဒီဇင်ဘာလ ၄ ရက် တနင်္လာနေ့", ["month 12", "4", "day 1"]),
        ("one two three", ["1", "2", "3"]),
        ("20 05", ["20", "5"]),
        ("at 06:20", ["6", "20"]),
        ("6:20 pm", ["18", "20"]),
        ("6pm and 12 a.m.", ["18", "0", "0", "0"]),
        ("0620 hrs", ["6", "20"]),
        ("1 200 and 1,200 and 2k", ["1200", "1200", "2000"]),
        ("48 37 and 4.5", ["48", "37", "4", "5"]),
        ("two hundred thousand and five billion", ["200000", "5000000000"]),
        ("二万五千人，一百零五人", ["25000", "105"]),
        ("星期日", ["day 7"]),
        ("ยี่สิบเอ็ดคน", ["21"]),
        ("နှစ်သန်း", ["2000000"]),
        ("п'ять тисяч двісті", ["5200"]),
        ("خمسة آلاف", ["5000"]),
        ("two hundred and forty", ["200", "40"]),
        ("no number here", []),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, values: list[str]) -> None:
    assert [value for _, _, value in find_values(list_tokens(text))] == values


def test_the_same_number_in_other_words_is_no_contradiction() -> None:
    assert judged(CLAIM, CLAIM.replace("forty", "40")) == "copy"


def test_a_number_that_only_one_of_them_has_is_no_contradiction() -> None:
    assert judged(CLAIM, CLAIM.replace("this morning", "this morning of 3 May")) == "copy"
    assert judged(CLAIM, CLAIM.replace("Statement 14: the", "The")) == "copy"


def test_terms_that_differ_make_two_statements_and_names_of_one_term_do_not() -> None:
    names = read_names({"north": ["Northern Command", "NC"], "east": ["Eastern Command"]})
    first = CLAIM.replace("the regional command at Taungkyar", "the Northern Command")
    other = first.replace("Northern", "Eastern")
    assert compare(read_words(first), read_words(other), names).verdict == "contradiction"
    same = first.replace("Northern Command", "NC")
    assert compare(read_words(first), read_words(same), names).verdict == "copy"


def test_the_longest_form_names_the_term_wherever_it_is() -> None:
    names = read_names({"army": ["Army"], "north": ["Army North"], "bridge": ["bridge of Sar"]})
    tokens = ["army", "north", "and", "the", "army", "took", "the", "bridge", "of", "sar"]
    assert find_names(tokens, names) == [(0, 2, "north"), (4, 5, "army"), (7, 10, "bridge")]
    assert find_names(["the", "fleet", "of", "sar"], names) == []


def test_a_misread_place_is_no_other_place() -> None:
    assert judged(CLAIM, CLAIM.replace("Taungkyar", "Taungkyer")) == "copy"
    assert judged(CLAIM, CLAIM.replace("Taungkyar", "Hopang")) == "other"


def test_the_signature_of_a_source_is_not_compared() -> None:
    earlier = [
        f"{words}. Hill Radio, the voice of the free hills, every day at noon" for words in ("One", "Two", "Three")
    ]
    signed = "The ferry is closed. Hill Radio, the voice of the free hills, every day at noon"
    assert read_words(signed, earlier).tokens == read_words("The ferry is closed").tokens
    assert len(read_words(signed, earlier[:2]).tokens) > 10


def test_a_last_line_with_a_handle_or_an_address_is_a_signature_of_a_source_with_few_posts() -> None:
    for last in ("join @hill_desk today", "read more at https://hills.example/news"):
        assert read_words(f"The ferry is closed\n{last}").tokens == ("the", "ferry", "is", "closed")
    assert read_words("ask @hill_desk about the ferry").tokens == ("ask", "about", "the", "ferry")


def test_the_own_words_of_a_quote_are_shown_as_they_were_written() -> None:
    denial = f"They wrote: {CLAIM} This is False, our troops hold the base!"
    first = read_words(CLAIM).tokens
    assert find_own_words(denial, first).endswith("This is False, our troops hold the base!")


@pytest.mark.parametrize(
    "text",
    ["Z" + "\u0301" * 100_000, "a" * 100_000, "a@" * 50_000, "a+" * 50_000, "word " * 50_000, "ကောင်" * 20_000],
    ids=["marks", "letters", "handles", "schemes", "words", "burmese"],
)
def test_no_text_costs_more_than_its_length(text: str, until_stuck: None) -> None:
    words = read_words(text)
    assert len(words.tokens) <= 2_000
    compare(words, read_words(f"{text[: len(text) // 2]} x {text[: len(text) // 2]} the end"))


@pytest.fixture
def until_stuck() -> Iterator[None]:
    """A minute of processor time: what is linear needs a thousandth of it, what is quadratic far more."""

    def stop(*_: object) -> None:
        raise TimeoutError("a minute of processor time was not enough")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, 60)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


RAID = (
    "In the morning of 3 November our forces moved from Loimaw to Namhu and captured the eastern hill; 3 soldiers died and"
    " 11 were wounded, and the road to the north is open."
)


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("3 November", "4 November"),
        ("3 November", "3 December"),
        ("3 November", "12/11"),
        ("morning", "evening"),
        ("eastern", "western"),
        ("captured", "lost"),
        ("is open", "is closed"),
        ("is open", "is not open"),
        ("is open", "isn't open"),
        ("captured", "have never captured"),
        ("from Loimaw to Namhu", "from Namhu to Loimaw"),
        ("3 soldiers died and 11", "11 soldiers died and 3"),
        ("11 were wounded", "eleven percent were wounded"),
        ("11 were wounded", "fifteen were wounded"),
        ("Namhu", "Namhkam"),
        ("soldiers died", "soldiers were wounded"),
    ],
)
def test_near_in_words_and_another_statement(words: str, instead: str) -> None:
    assert words in RAID
    for first, later in ((RAID, RAID.replace(words, instead, 1)), (RAID.replace(words, instead, 1), RAID)):
        assert compare(read_words(first), read_words(later)).verdict == "contradiction"


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("3 November", "November 3"),
        ("3 November", "3 Nov."),
        ("3 November", "3.11."),
        ("11 were", "eleven were"),
        ("Namhu", "Nomhu"),
        ("captured", "coptured"),
        ("Loimaw", "Lolmaw"),
        ("the road", "thc road"),
        ("In the morning of", "On"),
    ],
)
def test_the_same_in_other_letters_is_a_copy(words: str, instead: str) -> None:
    assert judged(RAID, RAID.replace(words, instead, 1)) == "copy"


@pytest.mark.parametrize(
    "end", ["This is false.", "Fake!", "Our office denies this.", "The army denied it.", "Not true."]
)
def test_a_short_denial_beside_a_statement_is_a_quote_wherever_it_stands(end: str) -> None:
    assert judged(RAID, f"{RAID} {end}") == "quote"
    assert judged(RAID, f"{end} {RAID}") == "quote"


def test_a_statement_that_comes_after_its_denial_is_no_copy_of_that() -> None:
    denied = [(first, later) for label, _, how, first, later in pairs() if label == "quote" and "denial" in how]
    assert len(denied) > 80
    merged = [later for first, later in denied if judged(later, first) == "copy"]
    assert merged == []


@pytest.mark.parametrize(
    ("statement", "denial"),
    [
        (
            "国防部发言人说，昨晚一百零五架无人机袭击了南港，其中九十八架被击落，碎片落在一所学校附近。",
            "{}这种说法不属实，我军仍控制着基地和道路。",
        ),
        (
            "โฆษกกระทรวงกล่าวว่าเมื่อคืนนี้มีการยิงปืนใหญ่ใส่ตลาดในอำเภอบ้านทุ่งนา ประชาชนเสียชีวิตสามราย บาดเจ็บห้าราย",
            "พวกเขาเขียนว่า {} ซึ่งไม่เป็นความจริง กองกำลังของเรายังคงยึดฐานและถนนอยู่",
        ),
        (
            "Прошлой ночью над долиной Верин сбиты двадцать беспилотников, обломки упали на школу, никто не пострадал.",
            "{} Это не соответствует действительности, наши люди удерживают долину и дорогу.",
        ),
        (
            "أعلنت الوزارة إسقاط ٢٠ طائرة مسيرة فوق وادي فيرين الليلة الماضية، وسقط الحطام على مدرسة في الحي السفلي.",
            "{} هذا الخبر عار عن الصحة، قواتنا تسيطر على الوادي والطريق.",
        ),
    ],
    ids=["zh", "th", "ru", "ar"],
)
def test_so_it_is_in_every_script(statement: str, denial: str) -> None:
    said = denial.format(statement)
    assert judged(statement, said) == "quote"
    assert compare(read_words(said), read_words(statement)).verdict == "contradiction"


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (
            "我军今晨六时二十分占领了塘佳地区军区司令部，四十名守军士兵放下武器。",
            "我军今晨六时二十分没有占领塘佳地区军区司令部，四十名守军士兵放下武器。",
        ),
        (
            "ပြောခွင့်ရသူက တောင်ကြားစခန်းကို ယနေ့နံနက် တပ်ဖွဲ့များက သိမ်းပိုက်ရရှိခဲ့သည် ဟု ပြောကြားခဲ့သည်။",
            "ပြောခွင့်ရသူက တောင်ကြားစခန်းကို ယနေ့နံနက် တပ်ဖွဲ့များက မသိမ်းပိုက်ရရှိခဲ့ပါ ဟု ပြောကြားခဲ့သည်။",
        ),
        (
            "โฆษกกล่าวว่ากองกำลังของเราได้เข้ายึดฐานที่เมืองตองจาเมื่อเช้าวันนี้และทหารทั้งหมดปลอดภัย",
            "โฆษกกล่าวว่ากองกำลังของเราไม่ได้เข้ายึดฐานที่เมืองตองจาเมื่อเช้าวันนี้และทหารทั้งหมดปลอดภัย",
        ),
        (
            "Речник заявив, що наші сили взяли пагорб біля Намгу сьогодні вранці, а дорога до села відкрита для всіх.",
            "Речник заявив, що наші сили не взяли пагорб біля Намгу сьогодні вранці, а дорога до села відкрита для всіх.",
        ),
    ],
    ids=["zh", "my", "th", "uk"],
)
def test_a_not_makes_another_statement_in_every_script(first: str, later: str) -> None:
    assert compare(read_words(first), read_words(later)).verdict == "contradiction"

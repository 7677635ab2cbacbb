"""Folding: every string folds, alone as in a text, and each token knows its place."""

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.language import zawgyi
from storage.language.chunks import ascii_words, chunks
from storage.language.fold import CLOSED, fold, fold_with_places
from storage.language.places import Trail, rewrite
from storage.language.readable import legible
from storage.language.script import language
from storage.language.words import plurals, singular

PIECES = st.sampled_from(
    [
        *"aZs's-–’` .\n\t0٣၁၀၇၄ကခင်္ဂေျာ့း်ုိြွှ\u102b\u1025\u1039ႁၼ်ၚကဩŁéёїКyאב\u05b0ابَهक्ि軍東ทาำเ ์ກໜຳក្ក\u200b\u00ad\ufe0f\u202e\x00"
        "\ud800\u0301\ue000\U0001f170𝐋ﷺ",
        "north",
        "eastern",
        "command",
        "'s",
        "လားရှိုး",
        "လားရိႈးၿမိဳ႔ကို သိမ္းပိုက္ႏိုင္ခဲ့ၿပီ",
    ]
)
TEXT = st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=40)


def tokens(folded: str) -> list[str]:
    return folded.replace("-", " ").split()


def body(text: str) -> str:
    return " ".join(part for part in fold(text).split(" ") if not part.startswith(CLOSED))


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_any_string_folds_and_the_places_are_those_of_the_same_tokens(text: str) -> None:
    folded, places = fold_with_places(text)
    assert folded == body(text)
    assert len(places) == len(tokens(folded))
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcs'- 019.\n`", max_size=60))
def test_the_short_way_for_ascii_ends_where_the_long_way_does(text: str) -> None:
    assert fold(text) == fold(f"{text} …")
    assert fold_with_places(text) == fold_with_places(f"{text} …")


@given(st.from_regex("[a-z]{1,8}(s|es|ies|men)?", fullmatch=True))
def test_plurals_are_those_that_fold_to_the_word(word: str) -> None:
    assert all(singular(plural) == word for plural in plurals(word))
    if singular(word) != word:
        assert word in plurals(singular(word))


@given(
    st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.text(max_size=3)), max_size=4)
)
def test_rewriting_keeps_the_way_back(text: str, wishes: list[tuple[int, int, str]]) -> None:
    changes: list[tuple[int, int, str]] = []
    for start, length, new in sorted(wishes):
        end = min(start + length, len(text))
        if start < end and (not changes or start >= changes[-1][1]):
            changes.append((start, end, new))
    rewritten, trail = rewrite(text, changes)
    for place in range(len(rewritten)):
        [(start, end)] = trail.back([(place, place + 1)])
        touched = [change for change in changes if change[0] <= start < change[1]]
        assert touched[0][:2] == (start, end) if touched else rewritten[place] == text[start:end]


def test_zawgyi_keeps_its_places_by_syllable() -> None:
    text = "MNDAA က လားရိႈးၿမိဳ႔ကို သိမ္းပိုက္ႏိုင္ခဲ့ၿပီဟု ထုတ္ျပန္ခဲ့သည္"
    folded, places = fold_with_places(text)
    place = tokens(folded).index("ရှိုး")
    assert text[places[place - 1][0] : places[place][1]] == "လားရိႈး"


def test_zawgyi_is_converted_and_its_neighbours_are_left_alone() -> None:
    assert "စစ်" in zawgyi.convert("စစ္ေကာင္စီက ေၾကညာခ်က္ ထုတ္ျပန္သည္")
    for text in ("မိူင်းတႆးပွတ်းႁွင်ႇ ၵူၼ်းမိူင်း", "ဍုၚ်မန် ဘာသာမန် ကၠုၚ်", "ကညီကျိာ် လၢ ပှၤကညီ", "သိန္နီမြို့ အင်္ဂလန် ဥက္ကဋ္ဌ"):
        assert not zawgyi.is_zawgyi(text)
        assert legible(text) == text


def test_bad_input_09_a_hundred_thousand_marks_on_one_letter_fold_to_the_letter() -> None:
    assert tokens(fold("a" + "\u0301" * 100_000)) == ["a"]
    assert len(fold("က" + "\u103a" * 100_000)) < 50
    assert len(fold("ก" + "\u0e48" * 100_000)) < 50


def test_bad_input_59_a_post_of_ten_megabytes_folds() -> None:
    for piece in ("command ", "တိုင်းစစ်", "a-", "'a", "1", "\u200b", "á"):
        fold(piece * (3_000_000 // len(piece)))
    for piece in ("a.", "1,", "111,", "①", "U.S.-", "#Aa", "a-\n", "ေန", "က္", "က္ပ ", "\u1112", "ﾊﾞ"):
        fold(piece * (200_000 // len(piece)))


def test_bad_input_61_and_62_a_lone_surrogate_and_nul_part_words_and_stop_nothing() -> None:
    assert fold("re\x00gional \ud800command\udfff") == "re gional command"


def test_bad_input_07_nothing_invisible_hides_a_word() -> None:
    for hidden in "\u200b\u200c\u200d\u00ad\u2060\ufeff\u034f\u180e\ufe0f\U000e0041\u202a\u2069":
        assert fold(f"com{hidden}mand") == "command"
        assert fold(f"လား{hidden}ရှိ{hidden}ုး") == fold("လားရှိုး")


def test_a_compound_too_long_to_be_a_word_is_no_compound() -> None:
    folded = fold("-".join(["abc"] * 40))
    assert CLOSED not in folded
    assert "-" not in folded.split(" ")[0]


def test_the_language_is_what_the_letters_tell() -> None:
    said = {
        "တပ်များ ဝင်ရောက်လာသည်": "my",
        "စစ္ေကာင္စီက ေၾကညာခ်က္ ထုတ္ျပန္သည္": "my",
        "ၵူၼ်းမိူင်း တႆး ၸိူဝ်းၼႆႉ": "shn",
        "ပှၤကညီ အတၢ်ဟူးတၢ်ဂဲၤ": "ksw",
        "ဍုၚ်မန် ဘာသာမန် ကၠုၚ်": "mnw",
        "Anhte Jinghpaw Wunpawng ni gaw nga ai": "kac",
        "The army took the town": "en",
        "LE COMMANDEMENT RÉGIONAL EST TOMBÉ": "fr",
        "Bộ tư lệnh khu vực đã thất thủ": "vi",
        "Lashio Hsenwi Muse Kutkai": "und",
        "Statement": "und",
        "กองทัพแถลง": "th",
        "联军占领城区": "zh",
        "東京で会談が行われました": "ja",
        "Армія увійшла в місто Їжаків": "uk",
        "Армия вошла в город": "ru",
        "دخل الجيش المدينة": "ar",
        "ارتش وارد شهر شد گفت": "fa",
        "12:30 …": "und",
        "": "und",
    }
    assert {text: language(text) for text in said} == said


def test_a_mark_before_a_hyphen_is_no_word() -> None:
    assert fold_with_places("्-a") == ("a", [(2, 3)])


def test_trails_of_nothing_lead_nowhere() -> None:
    assert Trail().back([]) == []


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*"aZs'`-., ", "U.S.", "'s", "x" * 401]), max_size=12).map("".join))
def test_words_of_ascii_are_cut_as_in_any_text(text: str) -> None:
    assert ascii_words().findall(text) == chunks().findall(text)


def test_a_plain_number_is_cut_as_beside_words() -> None:
    for digits in ("0", "007", "9" * 64, "9" * 65, "8" * 400):
        assert fold(digits) == fold(f"{digits} ၊").strip()

"""What refuses a text quickly never refuses one in which something is found."""

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.language import sequences
from storage.language.fold import fold
from storage.language.match import DocumentText, Sheet
from storage.language.query import parse
from storage.language.readable import are_legible, is_legible, legible
from storage.language.regex import compiled, translate, with_edges, without_edges
from storage.language.syllables import is_in_order, ordered
from storage.language.tree import Fuzzy, Wild

PATTERNS = (
    r"\bcomm\w+", r"^\w+\b.*\barm", r"\ba[^b]\W+c$", r"\b\p{L}+\b|x{2,3}\b+", r"\b[ab\pN]\Qa.b\E", r"(?i)\bfoo\b?",
    r"\b[\x80-\x{ffff}]+a", r"\b[က-အ]{2}", r"a[^\W\d_]\b.", r"\b[]a]+\b", r"a\b\D\b", r"[[:^alpha:]]\bb", r"a\P{L}\bb",
    r"\b.\b.\b", r"a[^x]\b[^x]", r"\Aa\b\s*b\z", r"a\x{e000}?\b",
)  # fmt: skip
LETTERS = "a b c x ab comma army foo 7 - . _ 中 ж К i\u0307 e\u0301 တ က် ်ု ု် ၀ ဝ \u200b \ue000 \ud800 ﾊﾞ か\u3099 ①"
PIECES = st.sampled_from((*LETTERS.split(), " ", "\n", ""))
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, pattern=st.sampled_from(PATTERNS))
def test_without_edges_a_pattern_is_found_wherever_it_is_found_with_them(text: str, pattern: str) -> None:
    translated, edges = translate(pattern)
    assert edges
    shown = legible(text)
    if compiled(translated).search(with_edges(shown)):
        assert compiled(without_edges(translated)).search(shown), without_edges(translated)


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(TEXTS, st.text(max_size=8)))
def test_a_text_that_counts_as_legible_is_its_own_legible_form(text: str) -> None:
    assert not is_legible(text) or legible(text) == text


FORMS = (
    "armies", "army's", "cease-fire", "ceasefires", "women", "Lashio", "lahsio", "lasho", "fell", "F-16s", "တပ်မတော်",
    "လားရှိုး", "မြို့", "anti-junta", "sorties", "腊戌", "軍區", "news", "ab", "a",
)  # fmt: skip
ASKED = (
    "*mies", "ar?ies", "*army", "c*fire", "ceasefre~", "women~", "w?men", "wom*n", "lashio~", "lahsio~1", "f*16", "*y",
    "တပ်*တော်", "လားရှိုး~", "*unta", "sort*e", "ab~1", "news~", "မြို့~", '"fel? lash*"', '"*rmies fell"', "ceasefire~",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    forms=st.lists(st.tuples(st.sampled_from(FORMS), st.sampled_from(" - ")), max_size=6),
    asked=st.sampled_from(ASKED),
)
def test_a_fuzzy_word_or_one_with_wildcards_is_not_refused_where_it_is_found(
    forms: list[tuple[str, str]], asked: str
) -> None:
    leaf = parse(asked).root
    text = "".join(form + joint for form, joint in forms)
    sheet = Sheet(DocumentText(0, "body", text, fold(text), "en", None))
    if isinstance(leaf, Wild | Fuzzy) and any(list(sequences.found(leaf, row)) for row in sheet.tokens):
        assert any(sequences.may_have(leaf, form) for form in (sheet.exact, sheet.closed)), (leaf, text)


BURMESE = "တိုင်းစစ်ဌာနချုပ်ကို သိမ်းပိုက်လိုက်ပြီး သတ္တမ ၁၀ ရက်အတွင်း အင်္ဂလန်၊ ဥက္ကဋ္ဌ၊ မြို့နယ် ၄၇ ခုတွင် ၂၀၂၄ ခုနှစ်က ပြောဆိုခဲ့သည်။ "
SIGNS = "".join(map(chr, range(0x1000, 0x10A0))) + "\u200b\u0301\u0345\ue000\ud800é中ﾊ①1a \n"


@settings(max_examples=400, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 120), st.integers(0, 2), st.text(st.sampled_from(SIGNS), max_size=3)), max_size=2
    )
)
def test_so_does_a_long_text_in_burmese_that_is_written_as_it_should_be(changes: list[tuple[int, int, str]]) -> None:
    text = BURMESE
    for place, gone, new in changes:
        text = text[:place] + new + text[place + gone :]
    assert not is_legible(text) or legible(text) == text
    assert is_legible(BURMESE)
    together = [BURMESE, text * 4, "Армія пішла. " * 40]  # long ones: these are looked through as one
    assert not are_legible([said.encode() for said in together]) or all(legible(said) == said for said in together)


def test_ordinary_texts_of_most_scripts_count_as_legible() -> None:
    for text in ("The army left.", "“Армія” — пішла…", "部队离开了", "กองทัพถอนตัว", "الجيش غادر"):
        assert is_legible(text)
        assert are_legible([(text * 40).encode(), (BURMESE * 4).encode()])
    assert not is_legible("တပ်မတော်")


@settings(max_examples=400, deadline=None)
@given(
    text=st.text(st.sampled_from("\u1010\u1000\u103b\u103c\u1031\u102d\u102f\u103a\u1036\u1037\u1038 "), max_size=12)
)
def test_signs_count_as_in_order_where_ordering_changes_nothing(text: str) -> None:
    assert is_in_order(text) == (ordered(text) == text)

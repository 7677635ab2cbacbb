"""The glossary that comes with the program: every entry can be used, has its source, and is found where it is said."""

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.init import GLOSSARIES
from bot.config import Config
from storage.language.fold import fold
from storage.language.hits import evaluate
from storage.language.match import Document, DocumentText
from storage.language.query import parse, warnings
from storage.language.terms import body, plain
from storage.rows import Hit

Read = Callable[..., Config]
MYANMAR = (GLOSSARIES / "myanmar.toml").read_text(encoding="utf-8")
AROUND = {"en": "They spoke of {}, at length.", "kac": "{} a lam", "zh": "据报道{}附近", "my": "ယနေ့{}တွင်"}


@pytest.fixture
def glossary(read: Read) -> Config:
    return read(MYANMAR)


def test_it_has_far_more_than_a_hundred_entries_in_english_and_burmese_and_some_in_shan_and_kachin(
    glossary: Config,
) -> None:
    assert len(glossary.terms) > 200
    assert all({"en", "my"} <= set(term.languages) for term in glossary.terms)
    assert {"shn", "kac"} <= {code for term in glossary.terms for code in term.languages}
    assert glossary.warnings == ()


# Terms whose phrases are a part of other terms' phrases, and mean them too: a place in the name of a body, a body of one
# kind in the name of one of them. Everything else that is contained must be kept apart by not_after or not_before.
MEANT: dict[str, set[str]] = {
    "tatmadaw": {
        "myanmar-army", "myanmar-navy", "myanmar-air-force", "commander-in-chief", "deputy-commander-in-chief"
    },
    "regional-command": {
        "regional-commander", "northern-command", "north-eastern-command", "eastern-command", "eastern-central-command",
        "triangle-command", "south-eastern-command", "coastal-command", "southern-command", "south-western-command",
        "western-command", "north-western-command", "central-command", "yangon-command", "naypyitaw-command",
    },
    "myanmar": {
        "tatmadaw", "myanmar-army", "myanmar-navy", "myanmar-air-force", "myanmar-police-force", "central-bank", "mndaa",
        "absdf",
    },
    "shan-state": {"northern-shan-state"},
    "nay-pyi-taw": {"naypyitaw-command"},
    "yangon": {"yangon-command", "yangon-region"},
    "mandalay": {"mandalay-region"},
    "sagaing": {"sagaing-region"},
    "bago": {"bago-region"},
    "magway": {"magway-region"},
    "ceasefire": {"nationwide-ceasefire-agreement"},
}  # fmt: skip


def hits_of(glossary: Config, name: str, text: str) -> tuple[Hit, ...] | None:
    made = DocumentText(0, "body", text, fold(text), "und", None)
    post = Document(0, "x", frozenset(), None, None, None, "und", frozenset(), None, (made,))
    return evaluate(parse(f"@{name}", terms=glossary.phrases()), post)


def test_of_each_phrase_inside_another_it_is_decided_whether_it_is_meant(glossary: Config) -> None:
    phrases = [
        (term.name, phrase.removeprefix("="))
        for term in glossary.terms
        for found in term.languages.values()
        for phrase in found
    ]
    folded = [(name, phrase, f" {plain(body(phrase))} ") for name, phrase in phrases]
    found: dict[str, set[str]] = {}
    for name, _, inner in folded:
        for other, phrase, outer in folded:
            if name != other and inner in outer and hits_of(glossary, name, phrase):
                found.setdefault(name, set()).add(other)
    assert found == MEANT


@pytest.mark.parametrize(
    ("name", "text", "there"),
    [
        ("northern-command", "အရှေ့မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", False),
        ("northern-command", "အနောက်မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", False),
        ("northern-command", "the Northern Regional Military Command", True),
        ("north-eastern-command", "the Northeastern Regional Command", True),
        ("central-command", "the US Central Command", False),
        ("central-command", "the Central Regional Military Command at Mandalay", True),
        ("tatmadaw", "အာရက္ခတပ်မတော်က", False),
        ("tatmadaw", "တပ်မတော်က ထုတ်ပြန်သည်", True),
        ("tatmadaw", "မြန်မာ့တပ်မတော်", True),
        ("muse", "he had lost his muse", False),
        ("muse", "fighting near Muse", True),
        ("sac", "SAC troops", True),
        ("sac", "a sac of rice", False),
        ("sac", "စကစ တပ်များ", True),
        ("pdf", "PDF fighters", True),
        ("pdf", "see the PDF file", False),
        ("pdf", "read report.pdf", False),
        ("pdf", "ပကဖ တပ်ဖွဲ့", True),
        ("kia", "KIA troops", True),
        ("kia", "a Kia car", False),
        ("major-general", "ဗိုလ်ချုပ်ကြီး", False),
        ("major-general", "ဗိုလ်ချုပ်မှူးကြီး", False),
        ("commander-in-chief", "the deputy commander-in-chief", False),
        ("ndaa", "မြန်မာအမျိုးသားဒီမိုကရက်တစ်မဟာမိတ်တပ်မတော်", False),
    ],
)
def test_a_term_does_not_ring_for_a_longer_name_or_another_word(
    glossary: Config, name: str, text: str, there: bool
) -> None:
    assert (hits_of(glossary, name, text) is not None) == there


def test_the_fourteen_commands_are_known_by_every_form_of_their_names(glossary: Config) -> None:
    commands = [term for term in glossary.terms if term.kind == "command"]
    assert len(commands) == 14
    for term in commands:
        known = set(term.languages["en"])
        for phrase in [phrase for phrase in known if not phrase.endswith(("Regional Command", "Military Command"))]:
            stem = phrase.removesuffix(" Command").removesuffix(" Region")
            assert {f"{stem} Regional Command", f"{stem} Regional Military Command"} <= known, phrase


def test_no_phrase_stands_twice(glossary: Config) -> None:
    phrases = [
        phrase if phrase[0] == "=" else fold(phrase) for found in glossary.phrases().values() for phrase in found
    ]
    assert len(set(phrases)) == len(phrases)


def test_the_source_of_each_entry_stands_above_it() -> None:
    entries = re.findall(r"\n(# .+)\n\[\[terms\]\]\nname = ", MYANMAR)
    assert len(entries) == len(tomllib.loads(MYANMAR)["terms"])


def test_every_phrase_is_found_in_running_text(glossary: Config) -> None:
    phrases = glossary.phrases()
    for term in glossary.terms:
        query = parse(f"@{term.name}", terms=phrases)
        assert warnings(query) == (), "a keyword of one syllable is found inside many words"
        for code, found in term.languages.items():
            for phrase in found:
                phrase = phrase.removeprefix("=")
                text = AROUND.get(code, AROUND["my"]).format(phrase)
                made = DocumentText(0, "body", text, fold(text), code, None)
                post = Document(0, "x", frozenset(), None, None, None, code, frozenset(), None, (made,))
                hits = evaluate(query, post)
                assert hits, text
                assert fold(phrase).split()[0] in fold(hits[0].form).split(), text


def test_the_wheel_carries_it(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    assert "bot/config/glossary/myanmar.toml" in zipfile.ZipFile(wheel).namelist()

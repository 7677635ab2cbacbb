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


def test_no_phrase_stands_twice(glossary: Config) -> None:
    phrases = [fold(phrase) for found in glossary.phrases().values() for phrase in found]
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
                text = AROUND.get(code, AROUND["my"]).format(phrase)
                body = DocumentText(0, "body", text, fold(text), code, None)
                post = Document(0, "x", frozenset(), None, None, None, code, frozenset(), None, (body,))
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

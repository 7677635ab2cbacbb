"""Notes for Obsidian: names that never change and fit every system, links that lead somewhere, words that stay words."""

import re
from pathlib import Path

from bot.export.names import safe_name
from bot.export.obsidian import escape
from tests.export.exported import Exports
from tests.export.hostile import NAMES

_LINK = re.compile(r"(?<!\\)\[\[([^|\]]+)\|")


def test_every_post_and_source_is_a_note_and_links_lead_to_notes(exports: Exports, tmp_path: Path) -> None:
    done = exports.make("obsidian", tmp_path / "vault")
    notes = {str(path.relative_to(done.path)): path.read_text(encoding="utf-8") for path in done.path.rglob("*.md")}
    assert len([name for name in notes if name.startswith("posts/")]) == done.posts
    linked = {link for note in notes.values() for link in _LINK.findall(note)}
    assert len([link for link in linked if link.startswith("posts/")]) >= 3
    assert {f"{link}.md" for link in linked} <= notes.keys()


def test_names_are_the_same_in_every_export(exports: Exports, tmp_path: Path) -> None:
    every = exports.make("obsidian", tmp_path / "all")
    some = exports.make("obsidian", tmp_path / "some", "bridge OR တံတား")
    names = [path.relative_to(some.path) for path in some.path.glob("posts/*/*.md")]
    assert names
    assert all((every.path / name).read_bytes() == (some.path / name).read_bytes() for name in names)


def test_bad_input_41_hostile_names_are_safe_on_every_system_and_differ(hostile: Exports, tmp_path: Path) -> None:
    done = hostile.make("obsidian", tmp_path / "vault")
    paths = [path.relative_to(done.path) for path in done.path.rglob("*.md")]
    assert len([path for path in paths if path.parts[0] == "posts"]) == done.posts
    assert len({str(path).casefold() for path in paths}) == len(paths)
    for path in paths:
        assert len(path.parts) <= 3
        for part in path.parts:
            assert len(part.encode()) <= 120
            assert re.search(r'[\\:*?"<>|\x00-\x1f\u202a-\u202e#^\[\]]', part) is None
            assert part == part.strip(" .-~")
            assert part.split(".")[0].upper() not in {"CON", "NUL", "PRN", "AUX"}


def test_one_name_for_each_pair_of_words() -> None:
    pairs = [(source, name) for source in ("a", "a b", "b", "..") for name in (*NAMES, "b c", "c")]
    assert len({safe_name(*pair).casefold() for pair in pairs}) == len(pairs)
    assert safe_name("spokesman", "12") == "spokesman 12"
    assert safe_name("တိုင်းစစ်ဌာနချုပ်", "7") == "တိုင်းစစ်ဌာနချုပ် 7"


def test_nothing_in_a_post_is_markup(hostile: Exports, tmp_path: Path) -> None:
    done = hostile.make("obsidian", tmp_path / "vault")
    for path in done.path.glob("posts/*/*.md"):
        _, properties, body = path.read_text(encoding="utf-8").split("---\n", 2)
        assert all(
            re.fullmatch(r'[a-z_0-9]+: ("([^"\\]|\\.)*"|[0-9]+|\[.*\])', line) for line in properties.splitlines()
        )
        bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", body)  # what is escaped is a letter
        bare = re.sub(r"^(#{1,2} |- )|^Source: ", "", bare, flags=re.MULTILINE)
        bare = re.sub(r"\[\[(posts|sources)/[^|\]]+\|[^\]]*\]\]|\]\(<https?://[^<>\s]+>\)", "", bare)
        assert re.search(r"[`*<>#|~$%=^!&{}@]|\[\[", bare) is None, bare
        assert re.search(r"^\s*([-+]|\d+[.)])\s|^( {4}|\t)", bare, flags=re.MULTILINE) is None, bare


def test_what_a_reader_sees_is_what_was_published() -> None:
    for text in ("1. a\n- b\n10) c", "*x* _y_ [z](w) <b> #tag", "  - spaced"):
        seen = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escape(text)).replace("\u00a0", " ")
        assert seen == text

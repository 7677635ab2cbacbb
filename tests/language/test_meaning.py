"""A rule whose meaning changed by an upgrade is named with what changed; no other one is."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from storage.alerts import rules
from storage.archive.connections import connect
from storage.archive.database import Archive
from storage.language.meaning import LANGUAGE_VERSION, list_changes
from storage.language.query import parse

TERMS = {"pdf": ("People's Force", "PDF"), "town": ("Lashio",)}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("=Command", "as they are written"),
        ('army -="US forces"', "as they are written"),
        ('"comm* lost"', "wildcards inside quotes"),
        ('"the l?shio road"', "wildcards inside quotes"),
        ('"@town lost"~3', "is the term"),
        ("army NEAR lost", "NEAR"),
        ("in:text army", "in:text"),
        ("in:(transcript OR text) army", "in:text"),
        ("pdf", "extension"),
        ("army OR mp4", "extension"),
        ("U.S. forces", "initials with dots"),
        ("С.Ш.А.", "initials with dots"),
        ("KIA", "found with dots"),
        ("@pdf", "found with dots"),
        ("10,000 soldiers", "one number"),
        ("10000 soldiers", "separators too"),
        ("东北军区", "Chinese"),
    ],
)
def test_a_query_that_finds_other_posts_than_before_is_known_by_what_changed(query: str, says: str) -> None:
    tree = parse(query, terms=TERMS)
    assert any(says in change for change in list_changes(tree, 1)), list_changes(tree, 1)
    assert list_changes(tree, LANGUAGE_VERSION) == []


@pytest.mark.parametrize(
    "query",
    [
        "army OR navy NOT fleet",
        '"what? nobody" lost',
        "တိုင်းစစ်ဌာနချုပ်",
        "command* l?shio lashio~",
        "@town",
        '"a b"~3',
        "date:[2024-07-01 TO *] army",
        "in:transcript army",
        r"/[A-Z]{4}\d{5}/",
        '"NEAR"',
        "source:DESK has:voice",
    ],
)
def test_a_query_that_finds_what_it_found_is_left_alone(query: str) -> None:
    assert list_changes(parse(query, terms=TERMS), 1) == []


def test_the_language_of_each_rule_is_known_in_an_archive_of_any_schema(desk: Callable[..., object]) -> None:
    archive: Archive = desk.archive  # type: ignore[attr-defined]
    with archive.writing() as writer:
        rules.save_versions(writer, [("new", "v", "=US")], 1)
        writer.execute(
            "INSERT INTO rules (name, version, query, loaded_at, loaded_seq) VALUES ('old', 'w', '=UN', 1, 1)"
        )
    assert rules.read_languages_of(archive.path) == {("new", "=US"): LANGUAGE_VERSION, ("old", "=UN"): 1}
    with archive.reading() as reader:
        assert rules.read_languages(reader) == rules.read_languages_of(archive.path)
    archive.close()
    with closing(connect(archive.path, mode="rw")) as connection:
        connection.execute("ALTER TABLE rules DROP COLUMN language_version")
        connection.execute("UPDATE alembic_version SET version_num = '0005'")
    assert rules.read_languages_of(archive.path) == {("new", "=US"): 1, ("old", "=UN"): 1}


def test_a_file_that_holds_nothing_knows_no_rules(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert rules.read_languages_of(tmp_path / "empty.db") == {}

"""`people` and `tokens` as a person types them: who is let in, what is refused, and what is shown once."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive.database import Archive
from storage.migrations import migrate
from storage.people import persons, sessions, tokens
from storage.people.database import PeopleFile
from storage.people.passwords import check_password
from tests.cli.conftest import NOON, ROOT

Program = Callable[..., subprocess.CompletedProcess[str]]
SECRET = "a long enough password"


@pytest.fixture
def people(inside: Program, tmp_path: Path) -> Program:
    """The program on a data directory with a password file beside it."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "secret").chmod(0o600)
    return lambda *arguments, **more: inside("--data-dir", "data", *arguments, **more)


def password_of(tmp_path: Path, name: str) -> str | None:
    with PeopleFile(tmp_path / "data" / "people.db") as people, people.reading() as reader:
        found = persons.find_person(reader, name)
    assert found is not None
    return found.password


def test_somebody_is_added_by_a_file_and_by_a_line_of_stdin(people: Program, tmp_path: Path) -> None:
    assert people("people", "add", "ann", "--role", "owner", "--password-file", "secret").returncode == 0
    assert people("people", "add", "မောင်", "--role", "desk", stdin="another password\nmore\n").returncode == 0
    assert check_password(password_of(tmp_path, "ANN"), SECRET)
    assert check_password(password_of(tmp_path, "မောင်"), "another password")
    assert not check_password(password_of(tmp_path, "ann"), "another password")
    listed = json.loads(people("people", "list", "--json").stdout)
    assert [(one["name"], one["role"], one["state"], one["may_read"]) for one in listed] == [
        ("ann", "owner", "active", None),
        ("မောင်", "desk", "active", None),
    ]


def test_the_file_is_for_its_owner_alone_and_holds_no_password_and_no_token(people: Program, tmp_path: Path) -> None:
    people("people", "add", "ann", "--role", "owner", "--password-file", "secret")
    token = people("tokens", "add", "notebook", "--owner", "ann").stdout.strip()
    files = list((tmp_path / "data").iterdir())
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    held = b"".join(path.read_bytes() for path in files)
    assert SECRET.encode() not in held
    assert token.encode() not in held
    assert b"$argon2id$" in held


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("people", "add", "bea", "--role", "king"), "king"),
        (("people", "add", "bea"), "--role"),
        (("people", "add", " ", "--role", "desk"), "1 to 100 characters"),
        (("people", "add", "b\u202eea", "--role", "desk"), "\\u{202e}"),
        (("people", "add", "bea", "--role", "desk", "--password-file", "missing"), "missing"),
        (("people", "add", "bea", "--role", "desk", "--password-file", "loose"), "chmod 600"),
        (("people", "add", "bea", "--role", "desk", "--password-file", "short"), "at least 8"),
        (("people", "add", "bea", "--role", "reader", "--may-read", "team:x", "--no-password"), "tag:NAME"),
        (("people", "add", "bea", "--role", "owner", "--may-read", "tag:x", "--no-password"), "reads everything"),
        (("people", "add", "Ann", "--role", "desk", "--no-password"), "already"),
        (("tokens", "add", "x", "--owner", "ann", "--scope", "all"), "all"),
        (("tokens", "add", "x", "--owner", "ann", "--for", "soon"), "ever"),
        (("tokens", "revoke", "x"), "tokens list"),
    ],
)
def test_a_mistake_is_refused_with_its_sentence(
    people: Program, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    people("people", "add", "ann", "--role", "owner", "--password-file", "secret")
    (tmp_path / "loose").write_text(SECRET)
    (tmp_path / "short").write_text("short")
    (tmp_path / "short").chmod(0o600)
    ran = people(*arguments, stdin="")
    assert ran.returncode == 2
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert [one["name"] for one in json.loads(people("people", "list", "--json").stdout)] == ["ann"]


@pytest.mark.parametrize("command", [("password",), ("lock",), ("unlock",), ("remove",)])
def test_a_name_that_nobody_has_gets_a_near_one(people: Program, command: tuple[str, ...]) -> None:
    people("people", "add", "daniela", "--role", "desk", "--no-password")
    ran = people("people", *command, "danila", stdin=f"{SECRET}\n")
    assert ran.returncode == 3
    assert "daniela" in ran.stderr


def test_nobody_yet_is_no_failure_and_makes_no_file(people: Program, tmp_path: Path) -> None:
    assert people("people", "list").returncode == 0
    assert json.loads(people("tokens", "list", "--json").stdout) == []
    assert people("people", "lock", "ann").returncode == 3
    assert people("tokens", "revoke", "1").returncode == 3
    assert not (tmp_path / "data").exists()


def test_another_password_a_lock_and_a_removal_end_sessions_and_tokens(people: Program, tmp_path: Path) -> None:
    people("people", "add", "ann", "--role", "desk", "--password-file", "secret")
    token = people("tokens", "add", "notebook", "--owner", "ann", "--for", "ever").stdout.strip()
    with PeopleFile(tmp_path / "data" / "people.db") as file:

        def sign_in() -> str:
            with file.writing() as writer:
                ann = persons.find_person(writer, "ann")
                assert ann is not None
                return sessions.begin_session(writer, NOON, person_id=ann.id)

        def open_now(session: str) -> tuple[bool, bool]:
            with file.reading() as reader:
                return (
                    sessions.find_session(reader, session, NOON) is not None,
                    tokens.find_token(reader, token, NOON) is not None,
                )

        session = sign_in()
        assert open_now(session) == (True, True)
        assert people("people", "password", "ann", stdin="a new password\n").returncode == 0
        assert open_now(session) == (False, True)
        session = sign_in()
        assert people("people", "lock", "ann").returncode == 0
        assert open_now(session) == (False, False)
        assert people("people", "unlock", "ann").returncode == 0
        assert open_now(session) == (False, True)
        assert people("tokens", "revoke", "1").returncode == 0
        assert people("tokens", "revoke", "1").returncode == 3
        assert open_now(session) == (False, False)
        session = sign_in()
        assert people("people", "remove", "ann").returncode == 0
        assert open_now(session) == (False, False)
        assert json.loads(people("tokens", "list", "--json").stdout) == []


def test_a_token_is_printed_once_and_nowhere_else(people: Program) -> None:
    people("people", "add", "ann", "--role", "desk", "--no-password")
    made = people("tokens", "add", "notebook", "--owner", "ann", "--scope", "act", "--for", "2h")
    token = made.stdout.strip()
    assert len(token) > 40
    assert token not in made.stderr
    for form in (("--json",), ("--jsonl",), ("--csv",), ()):
        listed = people("tokens", "list", *form)
        assert "notebook" in listed.stdout
        assert token not in listed.stdout + listed.stderr


def test_a_tag_that_no_source_has_is_said(people: Program, tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=NOON)
    ran = people("people", "add", "guest", "--role", "reader", "--may-read", "tag:pubic", "--no-password")
    assert ran.returncode == 0
    assert "tag:pubic" in ran.stderr


def test_a_file_of_another_program_is_left_as_it_is(people: Program, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    other = sqlite3.connect(tmp_path / "data" / "people.db")
    other.execute("CREATE TABLE people (name)")
    other.close()
    ran = people("people", "add", "ann", "--role", "desk", "--no-password")
    assert ran.returncode != 0
    assert "another program" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_on_a_terminal_the_password_is_asked_twice_and_never_shown(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bot", "--data-dir", "data", "people", "add", "ann", "--role", "desk"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as running:
        os.close(theirs)
        seen = b""
        for prompts in (1, 2):
            while seen.count(b": ") < prompts:
                seen += os.read(ours, 1000)
            os.write(ours, f"{SECRET}\n".encode())
        while b"may now" not in seen:
            seen += os.read(ours, 1000)
        assert running.wait(60) == 0
    os.close(ours)
    assert SECRET.encode() not in seen
    assert check_password(password_of(tmp_path, "ann"), SECRET)


def test_a_backup_brings_people_and_tokens_back_and_nobody_is_signed_in(people: Program, tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=NOON)
    people("people", "add", "ann", "--role", "desk", "--password-file", "secret")
    token = people("tokens", "add", "notebook", "--owner", "ann", "--for", "ever").stdout.strip()
    with PeopleFile(tmp_path / "data" / "people.db") as file, file.writing() as writer:
        session = sessions.begin_session(writer, NOON, person_id=1)
        assert people("backup", "safe").returncode == 0  # while somebody writes
    with PeopleFile(tmp_path / "data" / "people.db") as file, file.writing() as writer:
        session = sessions.begin_session(writer, NOON, person_id=1)
    made = json.loads(people("backup", "safe", "--json").stdout)
    restored = json.loads(people("restore", made["path"], "new", "--json").stdout)
    assert restored["people"] == str(tmp_path / "new" / "people.db")
    assert (tmp_path / "new" / "people.db").stat().st_mode & 0o777 == 0o600
    with PeopleFile(tmp_path / "new" / "people.db") as file, file.reading() as reader:
        ann = persons.find_person(reader, "ann")
        assert ann is not None
        assert check_password(ann.password, SECRET)
        assert tokens.find_token(reader, token, NOON) is not None
        assert sessions.find_session(reader, session, NOON) is None


def test_people_that_were_changed_in_a_backup_are_not_restored(people: Program, tmp_path: Path) -> None:
    with Archive(tmp_path / "data" / "communique.db") as archive:
        migrate.ensure(archive, now=NOON)
    people("people", "add", "ann", "--role", "desk", "--no-password")
    made = json.loads(people("backup", "safe", "--json").stdout)
    kept = Path(made["path"]) / "people.db"
    kept.write_bytes(kept.read_bytes().replace(b"desk", b"boss"))
    ran = people("restore", made["path"], "new")
    assert ran.returncode == 1
    assert "people in the backup" in ran.stderr
    assert not (tmp_path / "new" / "people.db").exists()

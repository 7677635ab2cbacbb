"""`communique people`: who may use the reading room: add, list, lock and remove people, and give them passwords."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.serve import INSTALL
from bot.cli.terminal.output import (
    Form,
    Noun,
    Session,
    complete_tag,
    format_options,
    say,
    table_option,
    write,
    write_json,
    write_line,
)
from bot.cli.terminal.table import write_table
from bot.cli.terminal.times import zone_option
from bot.config import paths
from bot.documents.person import person_json
from bot.errors import NotFound, UserError
from bot.foreign.text import one_line, visible
from bot.listing.times import Zone, format_time
from bot.suggest import did_you_mean
from storage.people import persons, rights, sessions
from storage.people.database import PeopleFile
from storage.people.persons import LONGEST_NAME, ROLES, PersonRow, Role

if TYPE_CHECKING:
    from storage.archive.database import Reader

COLUMNS = (
    "name", "role", "may_read", "state", "has_password", "made_at", "password_at", "locked_at", "seen_at", "sessions",
)  # fmt: skip
_PASSWORD_FILE = click.option(
    "--password-file",
    "file",
    type=click.Path(path_type=Path),
    metavar="F",
    help="A file that holds the password, mode 0600; without it you are asked, or one line of stdin is read.",
)


@click.group("people", cls=Noun)
def command() -> None:
    """Say who may use the reading room, besides you on this machine."""


def _complete_rights(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    return [f"tag:{tag}" for tag in complete_tag(ctx, parameter, typed.removeprefix("tag:"))]


@command.command("add")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(ROLES), required=True, help="reader reads, desk also acts, owner also manages people."
)
@click.option(
    "--may-read",
    "may_read",
    multiple=True,
    metavar="tag:NAME",
    shell_complete=_complete_rights,
    help="Only these sources: tag:NAME, side:NAME or source:NAME; may be repeated. Without it: all.",
)
@_PASSWORD_FILE
@click.option("--no-password", is_flag=True, help="For somebody whom a proxy signs in ([web] trusted_proxy).")
@format_options(streams=False)
@click.pass_obj
def add_person(
    session: Session,
    name: str,
    role: Role,
    may_read: tuple[str, ...],
    file: Path | None,
    no_password: bool,
    form: Form | None,
) -> None:
    """Let somebody use the reading room, by a name and a password.

    \b
    communique people add ann --role desk
    communique people add guest --role reader --may-read tag:public
    """  # noqa: D301  click reads the backspace
    name = check_name(name)
    allowed = _parse_rights(may_read, role)
    if no_password and file is not None:
        raise click.UsageError("choose one of --password-file and --no-password")
    if said := paths.prepare(session.data_dir()):
        say(session, said)
    with open_people(session) as people:
        if people.is_there():
            with people.reading() as reader:
                _refuse_known(reader, name)
        kept = None if no_password else _hash(read_password(file, f"Password of {visible(name)}"))
        with people.writing() as writer:
            made = persons.add_person(writer, name, role, allowed, kept, session.clock.now())
            if made is None:
                _refuse_known(writer, name)
    assert made is not None
    _warn_of_unknown(session, allowed or ())
    if form is not None:
        write_json(session, person_json(made, 0))
        return
    write_line(session, f"{visible(made.name)} may now {_describe(made)}")


def _describe(person: PersonRow) -> str:
    does = {"reader": "read", "desk": "read and act", "owner": "read, act and manage people"}[person.role]
    return does if person.may_read is None else f"{does}, of {one_line(' '.join(person.may_read))} alone"


def _refuse_known(reader: "Reader", name: str) -> None:
    known = persons.find_person(reader, name)
    if known is not None:
        shown = visible(known.name)
        raise UserError(f"there is a person {shown} already: `communique people remove {shown}` first")


@command.command("list")
@zone_option
@format_options()
@table_option
@click.pass_obj
def list_people(session: Session, zone: Zone, form: Form | None) -> None:
    """List people with what they may do, and when they were last here."""
    found: list[PersonRow] = []
    signed_in: dict[int, int] = {}
    with open_people(session) as people:
        if people.is_there():
            with people.reading() as reader:
                found = persons.list_people(reader)
                signed_in = sessions.count_sessions(reader, session.clock.now())
    if form is not None:
        write(session, form, (person_json(one, signed_in.get(one.id, 0)) for one in found), COLUMNS)
        return
    rows = [
        (
            one.name,
            one.role,
            "everything" if one.may_read is None else " ".join(one.may_read),
            "active" if one.locked_at is None else "locked",
            "never" if one.seen_at is None else format_time(one.seen_at, zone),
            str(signed_in.get(one.id, 0)),
        )
        for one in found
    ]
    write_table(session, ("name", "role", "may read", "state", "last seen", "signed in"), rows)
    if not rows:
        say(session, "nobody yet: `communique people add NAME --role reader` lets somebody in")


@command.command("password")
@click.argument("name")
@_PASSWORD_FILE
@click.pass_obj
def change_password(session: Session, name: str, file: Path | None) -> None:
    """Give somebody another password; it ends their sessions."""
    with open_people(session) as people:
        known = find_person(people, name)
        kept = _hash(read_password(file, f"New password of {visible(known.name)}"))
        with people.writing() as writer:
            persons.set_password(writer, known.id, kept, session.clock.now())
    write_line(session, f"{visible(known.name)} has another password, and is signed out everywhere")


@command.command("lock")
@click.argument("name")
@click.pass_obj
def lock_person(session: Session, name: str) -> None:
    """Keep somebody out until `people unlock`: no password, session or token of theirs opens anything."""
    with open_people(session) as people:
        known = find_person(people, name)
        with people.writing() as writer:
            persons.lock_person(writer, known.id, session.clock.now())
    shown = visible(known.name)
    write_line(session, f"{shown} is locked out; to let them in again: communique people unlock {shown}")


@command.command("unlock")
@click.argument("name")
@click.pass_obj
def unlock_person(session: Session, name: str) -> None:
    """Let somebody in again who was locked out."""
    with open_people(session) as people:
        known = find_person(people, name)
        with people.writing() as writer:
            persons.unlock_person(writer, known.id)
    write_line(session, f"{visible(known.name)} may sign in again")


@command.command("remove")
@click.argument("name")
@click.pass_obj
def remove_person(session: Session, name: str) -> None:
    """Remove somebody, with their sessions and tokens; what they did stays in the archive under their name."""
    with open_people(session) as people:
        known = find_person(people, name)
        with people.writing() as writer:
            persons.remove_person(writer, known.id)
    write_line(session, f"{visible(known.name)} is removed, and signed out everywhere")


# What `tokens` needs, too ---------------------------------------------------------------------------------------------


def open_people(session: Session) -> PeopleFile:
    """The file of people beside the archive, where there may be none yet."""
    return PeopleFile(paths.people_in(session.data_dir()))


def find_person(people: PeopleFile, name: str) -> PersonRow:
    """The person with this name. Raises NotFound, which names a near one."""
    names: list[str] = []
    if people.is_there():
        with people.reading() as reader:
            found = persons.find_person(reader, name)
            names = [one.name for one in persons.list_people(reader)]
        if found is not None:
            return found
    hint = did_you_mean(name, names) or ": `communique people list` shows them"
    raise NotFound(f"there is no person {visible(name)}{hint}")


def check_name(name: str) -> str:
    """A name that can be typed and shown: one line, nothing that nobody sees. Raises UserError."""
    kept = name.strip()
    if not kept or len(kept) > LONGEST_NAME:
        raise UserError(f"a name has 1 to {LONGEST_NAME} characters")
    if one_line(kept) != kept:
        raise UserError(f"a name is one line, without characters that nobody sees: {one_line(kept)}")
    return kept


def read_password(file: Path | None, question: str) -> str:
    """The password from the file, from the person at the terminal, or one line of stdin. Raises UserError."""
    if file is not None:
        from bot.contracts.settings import SecretFile

        password = SecretFile(file).read()
    elif sys.stdin is not None and sys.stdin.isatty():
        password = str(click.prompt(question, hide_input=True, confirmation_prompt=True, err=True))
    else:
        password = _read_line()
    from storage.people.passwords import find_fault

    fault = find_fault(password)
    if fault:
        raise UserError(fault)
    return password


def _read_line() -> str:
    line = "" if sys.stdin is None else sys.stdin.readline(4096)
    if not line:
        raise UserError("there is no password on stdin: give one line, or --password-file F")
    return line.removesuffix("\n").removesuffix("\r")


def _hash(password: str) -> str:
    from storage.people.passwords import hash_password

    try:
        return hash_password(password)
    except ModuleNotFoundError:
        raise UserError(f"passwords need a package that is not installed: {INSTALL}") from None


def _parse_rights(may_read: Sequence[str], role: Role) -> tuple[str, ...] | None:
    if not may_read:
        return None
    if role == "owner":
        raise UserError("an owner manages people, and so reads everything: leave --may-read out")
    try:
        return rights.parse_rights(may_read)
    except ValueError as problem:
        raise UserError(f"--may-read: {problem}") from None


def _warn_of_unknown(session: Session, allowed: Sequence[str]) -> None:
    """Nothing is opened by a tag that is written wrong, and nobody would know why."""
    if not allowed:
        return
    from storage.archive.errors import ArchiveError

    with suppress(UserError, ArchiveError):  # nothing collected yet
        with session.archive(says=False) as archive, archive.reading() as reader:
            unknown = rights.list_unknown(reader, allowed)
        for one in unknown:
            say(session, f"warning: {visible(one)} is no source of the archive yet: it opens nothing")

"""The page `/people`: owners say who may read and act here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from bot.errors import NotFound, UserError
from bot.foreign.text import one_line
from bot.web.access.forms import form_of
from bot.web.layout import page
from bot.web.room import room_of
from bot.web.viewer import require
from storage.people import persons, rights, sessions
from storage.people.passwords import find_fault
from storage.people.persons import LONGEST_NAME, ROLES, PersonRow, Role

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.web.access.gate import Gate
    from storage.archive.database import Writer


async def show_people(request: "Request") -> "Response":
    """List people, or change one of them."""
    viewer, gate = require(request, "owner"), room_of(request).gate
    if gate is None:
        raise HTTPException(404)
    if request.method == "POST":
        await _change(gate, form_of(request), viewer.name, room_of(request).clock.now())
        return RedirectResponse("/people", 303)
    now = room_of(request).clock.now()

    def look() -> tuple[list[PersonRow], dict[int, int]]:
        with gate.people.reading() as reader:
            return persons.list_people(reader), sessions.count_sessions(reader, now)

    found, signed_in = await gate.ask(look)
    return page(request, "people.html", people=found, signed_in=signed_in, roles=ROLES)


async def _change(gate: "Gate", form: Mapping[str, str], who: str, now: int) -> None:
    """Do what a form says. Raises UserError."""
    what, name = form.get("what", ""), form.get("name", "").strip()
    if what in ("add", "password"):
        fault = find_fault(form.get("password", ""))
        if fault:
            raise UserError(fault)
        kept = await gate.hash(form["password"])
    else:
        kept = ""

    def write() -> None:
        with gate.people.writing() as writer:
            if what == "add":
                _add(writer, form, name, kept, now)
            else:
                _change_one(writer, what, _find(writer, name), form, kept, who, now)

    await gate.ask(write)


def _add(writer: "Writer", form: Mapping[str, str], name: str, kept: str, now: int) -> None:
    role = _role(form)
    if not name or len(name) > LONGEST_NAME or one_line(name) != name:
        raise UserError(f"a name has 1 to {LONGEST_NAME} characters on one line")
    if persons.add_person(writer, name, role, _rights(form, role), kept, now) is None:
        raise UserError(f"there is a person {one_line(name)} already")


def _change_one(
    writer: "Writer", what: str, person: PersonRow, form: Mapping[str, str], kept: str, who: str, now: int
) -> None:
    if what != "password" and persons.key_of(person.name) == persons.key_of(who):
        raise UserError("another owner has to do that: nobody can lock themselves out")
    if what == "password":
        persons.set_password(writer, person.id, kept, now)
    elif what == "rights":
        role = _role(form)
        persons.set_rights(writer, person.id, role, _rights(form, role))
    elif what == "lock":
        persons.lock_person(writer, person.id, now)
    elif what == "unlock":
        persons.unlock_person(writer, person.id)
    elif what == "remove":
        persons.remove_person(writer, person.id)
    else:
        raise UserError("there is no such change")


def _find(writer: "Writer", name: str) -> PersonRow:
    found = persons.find_person(writer, name)
    if found is None:
        raise NotFound(f"there is no person {one_line(name)[:LONGEST_NAME]}")
    return found


def _role(form: Mapping[str, str]) -> Role:
    for role in ROLES:
        if form.get("role") == role:
            return role
    raise UserError(f"a role is one of {', '.join(ROLES)}")


def _rights(form: Mapping[str, str], role: Role) -> tuple[str, ...] | None:
    written = form.get("may_read", "").strip()
    if not written:
        return None
    if role == "owner":
        raise UserError("an owner manages people, and so reads everything")
    try:
        return rights.parse_rights((written,))
    except ValueError as problem:
        raise UserError(str(problem)) from None

"""What people ask for on pages, done in one transaction that also remembers it: a repeat does nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.alerts.muting import check_mute
from bot.answers import answering
from bot.answers.actions import find_covering
from bot.contracts.amounts import duration
from bot.documents.as_json import iso
from bot.documents.mute import describe_muted
from bot.errors import NotFound, UserError
from bot.foreign.text import one_line
from storage.alerts import mutes
from storage.alerts.mutes import Mute
from storage.answers.done_requests import RequestResult, find_result, remember_result
from storage.language.tree import QueryError

if TYPE_CHECKING:
    from bot.config import Config
    from storage.archive.database import Writer
    from storage.people.requests import ActionRow

ACTIONS = ("ack", "useful", "noise", "mute", "unmute")


def do_request(writer: "Writer", config: "Config", asked: "ActionRow", now: int) -> RequestResult:
    """Do what was asked, once, and say what came of it; what cannot be done is refused and changes nothing."""
    known = find_result(writer, asked.key)
    if known is not None:
        return known
    try:
        result = RequestResult("ok", _do(writer, config, asked, now))
    except (UserError, QueryError) as refused:
        result = RequestResult("refused", str(refused))
    remember_result(writer, asked.key, result, now)
    return result


def _do(writer: "Writer", config: "Config", asked: "ActionRow", now: int) -> str:
    given = asked.arguments
    if asked.what == "ack":
        return answering.acknowledge(writer, _number(given, "alert"), asked.who, min(asked.asked_at, now)).sentence()
    if asked.what == "useful":
        return answering.judge_alert(writer, _number(given, "alert"), asked.who, "useful", min(asked.asked_at, now))
    if asked.what == "noise":
        return answering.judge_alert(writer, _number(given, "alert"), asked.who, "noise", min(asked.asked_at, now))
    if asked.what == "mute":
        return _mute(writer, config, asked, now)
    if asked.what == "unmute":
        return _unmute(writer, _number(given, "mute"), asked.who, now)
    raise UserError(f"there is no action {one_line(asked.what)}")


def _mute(writer: "Writer", config: "Config", asked: "ActionRow", now: int) -> str:
    """Begin a mute; its time counts from when it was asked for, however long nobody took it up."""
    wanted = check_mute(config, read_mute(asked.arguments, asked.who, asked.asked_at))
    if wanted.until <= now:
        raise UserError("its time was over before `communique run` took it up")
    known = find_covering(writer, wanted, now)
    if known is not None:
        return f"{one_line(describe_muted(wanted))}: muted already, until {iso(known.until)} (mute {known.id})"
    number = mutes.add(writer, wanted)
    return f"{one_line(describe_muted(wanted))}: muted until {iso(wanted.until)} (mute {number})"


def read_mute(given: Mapping[str, str], who: str, asked_at: int) -> Mute:
    """The mute that was asked for, not yet checked. Raises UserError for a time that is none."""
    try:
        length = duration(given.get("for", ""))
    except ValueError as problem:
        raise UserError(f"how long: {problem}", about="for") from None
    return Mute(
        rule=given.get("rule") or None,
        source=given.get("source") or None,
        tag=given.get("tag") or None,
        query=given.get("query") or None,
        target=given.get("target") or None,
        from_at=asked_at,
        until=asked_at + length,
        why=given.get("why", ""),
        who=who,
        even_max=given.get("even_max") == "true",
    )


def _unmute(writer: "Writer", number: int, who: str, now: int) -> str:
    if mutes.find_mute(writer, number) is None:
        raise NotFound(f"there is no mute {number}")
    if not mutes.end(writer, number, now, who):
        return f"mute {number} is over already"
    return f"mute {number} is ended; what it held stays silenced"


def _number(given: Mapping[str, str], name: str) -> int:
    written = given.get(name, "")
    if not (written.isascii() and written.isdecimal() and len(written) < 19):
        raise NotFound(f"there is no {name} {one_line(written)[:40]}")
    return int(written)

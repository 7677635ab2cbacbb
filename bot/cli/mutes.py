"""`communique alerts mute`, `mutes` and `unmute`: hold alerts for a while, list what is held and why, end it early."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.alerts.muting import LONGEST, check_mute
from bot.cli.answers import by_option, find_person
from bot.cli.query import parse_query, print_warnings
from bot.cli.terminal.output import (
    Form,
    Session,
    complete_name,
    complete_tag,
    format_options,
    say,
    table_option,
    write,
    write_json,
    write_text,
)
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.table import write_table
from bot.cli.terminal.times import zone_option
from bot.contracts.amounts import duration, written
from bot.documents.counts import format_count
from bot.documents.mute import describe_muted, mute_json
from bot.errors import NotFound
from bot.foreign.text import one_line
from bot.listing.times import Zone, format_time
from storage.alerts import mutes
from storage.alerts.mutes import Mute

if TYPE_CHECKING:
    from storage.archive.database import Reader

COLUMNS = (
    "id", "rule", "source", "tag", "query", "target", "even_max", "from_at", "until", "why", "by", "active", "ended_at",
    "ended_by", "held",
)  # fmt: skip
_Command = TypeVar("_Command", bound=Callable[..., object])


def _one(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> str | None:
    """The only value of an option: of two, click would silently take the last."""
    if len(given) > 1:
        raise click.UsageError(f"Give {parameter.opts[0]} once: everything that is given must fit. Mute twice for two.")
    return given[0] if given else None


def _what(name: str, metavar: str, sentence: str, section: str = "") -> Callable[[_Command], _Command]:
    by_name = (lambda ctx, _, typed: complete_name(ctx, section, typed)) if section else None
    complete = complete_tag if name == "tag" else by_name
    return click.option(
        f"--{name}", metavar=metavar, multiple=True, callback=_one, help=sentence, shell_complete=complete
    )


def _length(_: click.Context, __: click.Parameter, given: str) -> int:
    try:
        return duration(given)
    except ValueError as problem:
        raise click.BadParameter(f"{problem}; at most {written(LONGEST)}") from None


@click.command("mute")
@_what("rule", "NAME", "Alerts of this rule.", "rules")
@_what("source", "NAME", "Alerts about posts of this source.", "sources")
@_what("tag", "TAG", "Alerts about posts of sources with this tag.")
@_what("query", "QUERY", "Alerts about posts that this query finds.")
@_what("target", "NAME", "Alerts to this target.", "targets")
@click.option("--for", "length", metavar="TIME", required=True, callback=_length, help="How long: 30m, 2h, 7d at most.")
@click.option("--why", metavar="WORDS", required=True, help="Why; everybody sees it.")
@by_option
@click.option("--even-max", is_flag=True, help="Hold alerts of priority max, too.")
@zone_option
@format_options(streams=False)
@click.pass_obj
def mute_alerts(
    session: Session,
    rule: str | None,
    source: str | None,
    tag: str | None,
    query: str | None,
    target: str | None,
    length: int,
    why: str,
    who: str | None,
    even_max: bool,
    zone: Zone,
    form: Form | None,
) -> None:
    """Hold alerts for a while: those that fit everything that is given.

    It holds at once, whether the daemon runs or not, and ends by itself. Alerts of priority max are sent all the same,
    and so are messages about the program itself. What it holds is silenced: `alerts list --state silenced` shows it,
    `alerts retry --mute ID` sends it.
    """
    config = session.written_config()
    if query is not None:
        print_warnings(session, parse_query(query, terms=config.phrases))
    now = session.clock.now()
    asked = Mute(rule, source, tag, query, target, now, now + length, why, find_person(who), even_max)
    mute = check_mute(config, asked)
    with session.archive() as archive, archive.writing() as writer:
        found = mutes.find_mute(writer, mutes.add(writer, mute))
    assert found is not None
    if not even_max and any(one.name == found.rule and one.priority == "max" for one in config.rules):
        say(
            session, f"warning: alerts of rule {found.rule} have priority max and are still sent; --even-max holds them"
        )
    if form is not None:
        write_json(session, mute_json(found, now))
        return
    until = format_time(found.until, zone, seconds=True)
    write_text(session, f"mute {found.id}: {one_line(describe_muted(found))}, until {until}")


@click.command("mutes")
@click.option("--all", "ended", is_flag=True, help="Also those that are over.")
@zone_option
@format_options()
@table_option
@pager_option
@click.pass_obj
def list_mutes(session: Session, ended: bool, zone: Zone, form: Form | None) -> None:
    """List what is muted, until when, why and by whom, and how many messages each mute has held."""
    now = session.clock.now()
    with session.archive().reading() as reader:
        found = mutes.list_mutes(reader, now, ended=ended)
    if form is not None:
        write(session, form, (mute_json(mute, now) for mute in found), COLUMNS)
        return
    rows = [
        (
            str(mute.id),
            describe_muted(mute),
            _describe_end(mute, now, zone),
            str(mute.held),
            mute.who,
            mute.why,
        )
        for mute in found
    ]
    write_table(session, ("mute", "what", "until", "held", "by", "why"), rows)
    if not rows:
        say(session, "nothing was ever muted" if ended else "nothing is muted")


class _MuteId(click.IntRange):
    """The id of a mute; what is none gets the way to one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail("give the number of a mute: `communique alerts mutes` shows them", param, ctx)


@click.command("unmute")
@click.argument("mute_id", metavar="ID", type=_MuteId(1))
@by_option
@click.pass_obj
def unmute_alerts(session: Session, mute_id: int, who: str | None) -> None:
    """End a mute now. What it held stays silenced: `alerts retry --mute ID` sends it."""
    now = session.clock.now()
    with session.archive() as archive, archive.writing() as writer:
        found = find_mute(writer, mute_id)
        if not mutes.end(writer, mute_id, now, find_person(who)):
            raise NotFound(f"mute {mute_id} is over already: {one_line(describe_muted(found))}")
    write_text(session, f"mute {mute_id} has ended: {one_line(describe_muted(found))}")
    if found.held:
        held = format_count(found.held, "message")
        say(session, f"it has held {held}; `communique alerts retry --mute {mute_id}` sends what is still silenced")


def find_mute(reader: "Reader", mute_id: int) -> Mute:
    """The mute with this id. Raises NotFound."""
    found = mutes.find_mute(reader, mute_id) if mute_id < 1 << 63 else None
    if found is None:
        raise NotFound(f"there is no mute {mute_id}: `communique alerts mutes --all` shows them")
    return found


def _describe_end(mute: Mute, now: int, zone: Zone) -> str:
    if mute.ended_at is not None:
        return f"ended {format_time(mute.ended_at, zone)} by {mute.ended_by}"
    return format_time(mute.until, zone) + ("" if mute.is_active(now) else " (over)")

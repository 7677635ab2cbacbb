"""`communique alerts test`: a real message to a target, of the kind that a person wants to see."""

import asyncio
import sys
from typing import TYPE_CHECKING, TextIO

import click

from bot.cli.names import find_by_name
from bot.cli.terminal.output import Form, Session, complete_name, format_options, say, write_json, write_line
from bot.errors import Later, Never, UserError
from bot.foreign.text import visible
from storage.alerts import outbox, target_states

if TYPE_CHECKING:
    from bot.config import Config
    from bot.contracts.target import Message, Target, TargetSettings

KINDS = ("test", "match", "edited", "digest", "health")


@click.command("test")
@click.argument("target", metavar="TARGET", shell_complete=lambda ctx, _, typed: complete_name(ctx, "targets", typed))
@click.option("--kind", type=click.Choice(KINDS), default="test", help="Show what such a message looks like there.")
@format_options(streams=False)
@click.pass_obj
def test_target(session: Session, target: str, kind: str, form: Form | None) -> None:
    """Send a real test message to a target; if it is accepted, a suspended target is resumed.

    With --kind the message looks like an alert (match, edited), a digest or a health message; all in it is made up.
    Exit code 1 if it failed and may work later, 5 if the target refused.
    """
    config = session.written_config()
    settings = find_by_name(config.targets, target, "target")
    try:
        shown_on = session.out if form is None else sys.stderr  # with --json, stdout has nothing but the document
        receipt = asyncio.run(_send(session, config, settings, shown_on, kind))
    except (Later, Never) as problem:
        if form is not None:
            write_json(session, {"target": target, "ok": False, "reason": str(problem)})
        raise
    opened = _note_success(session, config, target)
    if form is not None:
        write_json(session, {"target": target, "ok": True, "receipt": receipt, "opened": opened})
        return
    write_line(
        session,
        f"{visible(target)}: the test message was accepted{'; the target is resumed' if opened else ''}",
    )


async def _send(
    session: Session, config: "Config", settings: "TargetSettings", shown_on: TextIO, kind: str
) -> str | None:
    from bot.alerts import targets
    from bot.alerts.trying import compose_trial
    from bot.contracts.target import TargetTools
    from bot.http import Http

    http = Http(config.http_rules(), session.clock)
    around = TargetTools(
        http, session.clock, config.zone, shown_on, session.colour, proxied=config.http.proxy is not None
    )
    try:
        target = targets.build(settings, around)
        message = compose_trial(kind, settings.name, session.clock.now(), config.zone, target.shows)
        async with asyncio.timeout(120):
            await target.ready()
            return await _send_after_move(session, config, target, message)
    except TimeoutError:
        raise Later("no answer within 120 s") from None
    finally:
        await http.aclose()


async def _send_after_move(session: Session, config: "Config", target: "Target", message: "Message") -> str | None:
    from bot.alerts.moving import note_move
    from bot.contracts.target import Movable, Moved

    try:
        archive = session.archive()
    except UserError:
        return await target.send(message)  # nothing collected yet
    name = target.settings.name
    with archive:
        with archive.reading() as reader:
            known = target_states.find_target(reader, name)
        if isinstance(target, Movable) and known.moved_from is not None and known.moved_to is not None:
            target.follow(known.moved_from, known.moved_to)
        try:
            return await target.send(message)
        except Moved as move:
            if not isinstance(target, Movable):
                raise
            target.follow(move.old, move.new)
            health = [settings.name for settings in config.targets if settings.health]
            with archive.writing() as writer:
                say(session, note_move(writer, name, move, health, session.clock.now()))
        return await target.send(message)


def _note_success(session: Session, config: "Config", target: str) -> bool:
    """The target works: what waits for it is due. Whether it was suspended or failing."""
    from storage.alerts import notices

    try:
        archive = session.archive()
    except UserError:
        return False  # nothing collected yet, so nothing waits
    now = session.clock.now()
    with archive, archive.writing() as writer:
        suspended = target_states.find_target(writer, target).state == "parked"
        changed = target_states.mark_target(writer, target, "ok", None, now)
        target_states.make_due(writer, target, now)
        if changed:
            sentence = f"target {target} works again"
            notices.add(writer, now, f"target {target}", sentence)
            others = [settings.name for settings in config.targets if settings.health and settings.name != target]
            outbox.announce(writer, others, f"target {target}", sentence, now)
    return suspended

"""`communique sources accept`: follow the new owner of a source's name, or an account to where it has moved."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bot.cli.names import find_source
from bot.cli.sources.edit import save, written
from bot.cli.terminal.output import Session, format_options, source_argument, write_json, write_line
from bot.clock import SECOND
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from bot.http.masking import MASK

if TYPE_CHECKING:
    from bot.contracts.source import SourceSettings
    from storage.archive.database import Writer
    from storage.sources.identity import Identity


@click.command("accept")
@source_argument
@format_options(streams=False)
@click.pass_obj
def command(session: Session, name: str, form: str | None) -> None:
    """Follow the new owner of a source's name, or an account or feed to where it says that it has moved.

    For a new owner the source begins again; what was collected before is kept under another name. For a move the new
    address is written into the config file, and the posts of both are one source.
    """
    from storage.sources.identity import find_identity

    config, _ = written(session)
    source = find_source(config.sources, name)
    with session.archive().reading() as reader:
        found = find_identity(reader, source.name)
    if found is not None and found.is_refused:
        document, sentence = _accept_owner(session, source.name, found)
    elif found is not None and found.moved_to is not None:
        document, sentence = _accept_move(session, source, found.moved_to)
    else:
        raise UserError(
            f"there is nothing to accept: {visible(source.name)} has neither another owner nor moved, as far as is"
            f" known (`communique sources history {visible(source.name)}`)"
        )
    if form == "json":
        write_json(session, {"source": source.name, **document})
    else:
        write_line(session, sentence)


def _accept_owner(session: Session, name: str, known: "Identity") -> tuple[Mapping[str, object], str]:
    from storage.sources.identity import accept_owner

    now = session.clock.now()
    day = datetime.fromtimestamp(now // SECOND, UTC).date()
    with session.archive().writing() as writer:
        kept_as = _free_name(writer, f"{name[:40]}-until-{day}")
        accept_owner(writer, name, kept_as, now)
    document = {"accepted": "owner", "before": known.channel_id, "after": None, "kept_as": kept_as}
    return document, (
        f"{visible(name)} follows the new owner from its next round on; what was collected of {_who(known)} is kept as"
        f" {visible(kept_as)}"
    )


def _accept_move(session: Session, source: "SourceSettings", moved_to: str) -> tuple[Mapping[str, object], str]:
    from bot import sources
    from bot.config.editing import set_keys

    recognise = sources.REGISTRY.find(source.kind, "recognise")
    found = recognise(moved_to) if recognise is not None else None
    place = one_line(moved_to)
    if found is None or MASK in moved_to:
        raise UserError(f"{place} is no address for a source of kind {source.kind}: change the entry yourself")
    if all(getattr(source, key, None) == value for key, value in found.keys.items()):
        raise UserError(
            f"{visible(source.name)} is to read {place} already: the daemon does so when it reads the config"
        )
    if getattr(source, "token_file", None) is not None:
        raise UserError(
            f"the token of {visible(source.name)} is for the old server, and {place} must not see it: change the entry"
            " yourself, with another token or none"
        )
    _, path = written(session)
    save(session, path, set_keys(path.read_text(encoding="utf-8"), "sources", source.name, found.keys))
    document = {"accepted": "move", "before": next(iter(source.addresses()), None), "after": moved_to, "kept_as": None}
    return document, (
        f"{visible(source.name)} reads {place} from now on, as {visible(str(path))} says; the daemon does so when it"
        " reads the config"
    )


def _free_name(writer: "Writer", wanted: str) -> str:
    from storage.sources.names import read_tags

    taken = read_tags(writer)
    return next(
        name for number in range(1, 10_000) if (name := f"{wanted}{'' if number == 1 else f'-{number}'}") not in taken
    )


def _who(known: "Identity") -> str:
    """The owner before, as people know it."""
    names = (known.handle, known.channel_id and f"id {known.channel_id}")
    return one_line(" ".join(filter(None, names))) or "the owner before"

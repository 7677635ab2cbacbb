"""`communique sources import` and `export`: lists of feeds, as feed readers write and read them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.sources.add import append_sources, make_name
from bot.cli.terminal.output import NO_CONFIG, Session, say, write_text
from bot.documents.counts import format_count
from bot.errors import UserError
from bot.foreign.opml import Outline, read_opml, write_opml
from bot.foreign.text import one_line, visible
from bot.listing.opml import list_outlines

if TYPE_CHECKING:
    from bot.contracts.source import SourceSettings

_CAP = 16 << 20


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--write", is_flag=True, help="Append the entries to the config file.")
@click.pass_obj
def import_list(session: Session, file: Path, write: bool) -> None:
    """Make entries of a list of feeds (OPML). Folders become tags; feeds that are watched already are left out."""
    from bot.config.editing import write_entry

    config = session.config()
    entries, known = [], 0
    taken = {source.name for source in config.sources}
    read = {source.reads() for source in config.sources}
    for outline in _read(file):
        kind, keys = _recognise(outline)
        settings = _settings(kind, keys, config.directory)
        if settings is None:
            say(session, f"left out: {one_line(outline.url)[:200]} is no address of a feed")
            continue
        if settings.reads() in read:
            known += 1
            continue
        read.add(settings.reads())
        name = make_name(outline.title or outline.url, taken)
        taken.add(name)
        tags = list(dict.fromkeys(make_name(folder, set()) for folder in outline.folders))
        entries.append({"name": name, "kind": kind, **keys, **({"tags": tags} if tags else {})})
    for entry in () if write else entries:
        write_text(session, write_entry("sources", entry))
    left_out = f", {known} watched already" if known else ""
    if write and entries:
        if config.path is None:
            raise UserError(NO_CONFIG)
        place = append_sources(session, config.path, entries)
        say(session, f"{format_count(len(entries), 'source')} added to {place}{left_out}")
    else:
        more = "; to add them: the same command with --write" if entries else ""
        say(session, f"{format_count(len(entries), 'new source')}{left_out}{more}")


@click.command("export")
@click.option("--opml", is_flag=True, help="As OPML, the only form there is.")
@click.pass_obj
def export_list(session: Session, opml: bool) -> None:  # noqa: ARG001 - the only form
    """Print the feeds of the config as a list for feed readers. Tags become folders; other kinds are left out."""
    outlines, left_out = list_outlines(session.written_config().sources)
    session.out.write(write_opml("Sources of Communiqué", outlines))
    if left_out:
        say(session, f"{format_count(left_out, 'source')} left out: no feed")


def _read(file: Path) -> list[Outline]:
    from bot.foreign.charset import decode

    with file.open("rb") as opened:
        data = opened.read(_CAP + 1)
    if len(data) > _CAP:
        raise UserError(f"{visible(str(file))} is larger than {_CAP >> 20} MB")
    try:
        return read_opml(decode(data, "text/xml").text)
    except ValueError as problem:
        raise UserError(f"{visible(str(file))} is no list of feeds: {problem}") from None


def _recognise(outline: Outline) -> tuple[str, dict[str, object]]:
    """As a list says what it is a feed: of the kinds that read pages for feeds, the one that may read its address."""
    from bot import sources

    for kind, found in sources.recognise(outline.url):
        if sources.REGISTRY.find(kind, "recognise_page") is not None:
            return kind, dict(found.keys)
    return "", {}


def _settings(kind: str, keys: dict[str, object], directory: Path) -> "SourceSettings | None":
    from pydantic import ValidationError

    from bot import sources

    entry = {"name": "new", "kind": kind, **keys}
    try:
        return sources.settings_of(kind).model_validate(entry, context={"directory": directory})
    except (KeyError, ValidationError):
        return None

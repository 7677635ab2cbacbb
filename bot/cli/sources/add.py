"""`communique sources add`: finds out what an address is, shows what it would bring, and writes its entry."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category

import click

from bot.cli.sources.discover import Discovery, discover, list_addresses
from bot.cli.terminal.output import NO_CONFIG, Session, say, write_text
from bot.cli.terminal.times import zone_option
from bot.errors import UserError
from bot.foreign.graphemes import split_graphemes
from bot.foreign.text import NOT_UNDERSTOOD, one_line, visible
from bot.listing.times import Zone, format_time

if TYPE_CHECKING:
    from bot.config import Config
    from storage.records import FetchedPost

_SHOWN = 3
_LONGEST_NAME = 40


@click.command("add")
@click.argument("address")
@click.option("--name", metavar="NAME", help="Your own name for it; without it one is made of its title.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; can be given several times.")
@click.option("--write", is_flag=True, help="Append the entry to the config file.")
@zone_option
@click.pass_obj
def command(session: Session, address: str, name: str | None, tags: tuple[str, ...], write: bool, zone: Zone) -> None:
    """Find out what an address is, and print the lines that watch it.

    A link to a channel, a profile, a feed, a page. Its three newest posts are shown; nothing is stored.
    """
    from bot.config.editing import write_entry

    config = session.config()
    if write and config.path is None:
        raise UserError(NO_CONFIG)
    found = asyncio.run(_discover(session, config, address))
    _refuse_known(config, found)
    keys = _entry(config, found, name, tags)
    _show(session, found, zone)
    write_text(session, write_entry("sources", keys).rstrip())
    if write and config.path is not None:
        place = append_sources(session, config.path, [keys])
        say(session, f"added to {place}; a running daemon reads it after `communique config check` and SIGHUP")
    else:
        say(session, "to add it: the same command with --write")


def append_sources(session: Session, path: Path, entries: "list[dict[str, object]]") -> str:
    """Add entries to the config file; FILE:LINE of the first. Raises ConfigError and UserError."""
    from bot.config.editing import add_entries, save_checked
    from bot.listing.kinds import every_kind

    text = path.read_text(encoding="utf-8")
    changed = add_entries(text, "sources", entries)
    save_checked(path, changed, session.environment, every_kind())
    name = f'name = "{entries[0]["name"]}"'
    line = next((number for number, one in enumerate(changed.splitlines(), 1) if one.strip() == name), 1)
    return f"{path}:{line}"


async def _discover(session: Session, config: "Config", address: str) -> Discovery:
    from dataclasses import replace

    from bot.config.model import host_and_port
    from bot.http import Http

    rules = config.http_rules()
    if config.http.allow_private_addresses:  # as if the address were in the file already
        named = map(host_and_port, list_addresses(address, config))
        rules = replace(rules, private=rules.private | {place for place in named if place is not None})
    http = Http(rules, session.clock)
    try:
        return await discover(address, config, http, session.clock)
    finally:
        await http.aclose()


def _refuse_known(config: "Config", found: Discovery) -> None:
    from bot import sources

    settings = sources.settings_of(found.kind).model_validate(
        {"name": "new", "kind": found.kind, **found.keys}, context={"directory": config.directory}
    )
    known = next((one for one in config.sources if one.reads() and one.reads() == settings.reads()), None)
    if known is not None:
        raise UserError(f"the source {visible(known.name)} reads that already")


def _entry(config: "Config", found: Discovery, name: str | None, tags: tuple[str, ...]) -> dict[str, object]:
    taken = {source.name for source in config.sources}
    if name is not None and name in taken:
        raise UserError(f"there is a source {visible(name)} already: give another --name")
    made = name or make_name(found.batch.handle or found.batch.title or str(next(iter(found.keys.values()))), taken)
    return {"name": made, "kind": found.kind, **found.keys, **({"tags": list(tags)} if tags else {})}


def make_name(words: str, taken: "set[str]") -> str:
    """A free name for an entry, of the first words of a title, a handle or an address."""
    host = re.sub(r"^https?://(?:www\.)?", "", words.strip().removeprefix("@"))
    # letters keep their marks, which are most vowels of Burmese and Thai and no letters to `re`
    kept = (char if char == "_" or category(char)[0] in "LMN" else " " for char in host.casefold())
    name = _shorten("-".join("".join(kept).split())).strip("-_") or "source"
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _shorten(name: str) -> str:
    """At most 40 characters, ended where people see a letter end."""
    short = ""
    for letter in split_graphemes(name):
        if len(short) + len(letter) > _LONGEST_NAME:
            break
        short += letter
    return short


def _show(session: Session, found: Discovery, zone: Zone) -> None:
    batch = found.batch
    title = f" “{one_line(batch.title)}”" if batch.title else ""
    handle = f" {one_line(batch.handle)}" if batch.handle else ""
    identity = f" (id {one_line(batch.channel_id)})" if batch.channel_id else ""
    say(session, f"{found.kind}:{title}{handle}{identity}")
    for post in batch.posts[::-1][:_SHOWN]:
        at = format_time(post.posted_at, zone) if post.posted_at is not None else _untimed(post)
        say(session, f"  {at}  {one_line(post.title or post.text or post.url or post.native_id)[:100]}")
    if not batch.posts:
        say(session, "  it shows no posts now")


def _untimed(post: "FetchedPost") -> str:
    return f"{NOT_UNDERSTOOD}: {one_line(post.posted_raw)[:40]}" if post.posted_raw.strip() else "no time"

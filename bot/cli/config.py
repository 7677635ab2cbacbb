"""`communique config`: check the configuration, show its values and their origin, and print paths."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.terminal.output import (
    NO_CONFIG,
    Form,
    Noun,
    Session,
    format_options,
    say,
    style,
    write_json,
    write_line,
)
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.table import write_table
from bot.cli.terminal.width import pad
from bot.errors import ConfigError, Problem
from bot.foreign.text import json_text, one_line

if TYPE_CHECKING:
    from bot.config.document import ConfigFile
    from bot.config.locate import KeyPath
    from bot.config.model import Config
    from bot.config.origin import Setting


@click.group("config", cls=Noun)
def command() -> None:
    """Check, show and locate the configuration; print an example."""


@command.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True), metavar="[FILE|-]")
@click.option("--online", is_flag=True, help="Also ask each target whether messages would be accepted; none is sent.")
@click.pass_context
def check_config(ctx: click.Context, file: Path | None, online: bool) -> None:
    """Report every mistake at once; exit 4 if there is one. `-` reads the config from stdin.

    With --online: exit 5 if a target refuses (token, login, chat, rights), 1 if one cannot be reached.
    """
    session: Session = ctx.obj
    config, document = _load(session, file)
    known_before = (*_probably_renamed(config, document), *_changed_meanings(config, document))
    for warning in (*config.warnings, *known_before):
        say(session, f"warning: {warning}")
    if config.silent:
        raise ConfigError(config.silent)
    write_line(session, f"ok: {config.counts()}")
    if online:
        from bot.cli.target_check import check_targets

        ctx.exit(check_targets(session, config))


@command.command("show")
@click.option("--origin", is_flag=True, help="Also print where each value came from.")
@format_options(streams=False)
@pager_option
@click.pass_obj
def show_config(session: Session, origin: bool, form: Form | None) -> None:
    """Print every value that applies; secrets are masked."""
    from bot.config.origin import settings

    config, document = _load(session, None, needed=False)
    found = list(settings(config, document, session.environment, data_dir=session.data_dir_flag))
    if form == "json":
        write_json(session, [{"key": leaf.key, "value": leaf.value, "origin": leaf.origin} for leaf in found])
        return
    header: KeyPath = ()
    for leaf in found:
        part = leaf.keys[: 2 if isinstance(leaf.keys[1], int) else 1]
        if part != header:
            title = f"[[{part[0]}]]" if len(part) > 1 else f"[{part[0]}]"
            write_line(session, ("\n" if header else "") + style(session, title, "bold"))
            header = part
        write_line(session, _format_setting(session, leaf, part, origin=origin))


def _probably_renamed(config: "Config", document: "ConfigFile") -> list[str]:
    """Warnings on names that the archive does not know; none without an archive of this version."""
    from bot.config import paths
    from bot.config.renames import find_advice
    from storage.archive.database import Archive
    from storage.archive.errors import ArchiveError
    from storage.sources import renames

    path = paths.database_in(config.data_dir)
    if not path.exists():
        return []
    try:
        with Archive(path) as archive, archive.reading() as reader:
            known = renames.read_entries(reader)
    except ArchiveError:  # other commands report it
        return []
    found = find_advice(config, known)
    return [str(document.problem((advice.part, advice.index), advice.sentence)) for advice in found]


def _changed_meanings(config: "Config", document: "ConfigFile") -> list[str]:
    """Warnings on rules that an older version of the query language read in another way, when they were new."""
    from bot.config import paths
    from storage.alerts import rules
    from storage.archive.errors import ArchiveError
    from storage.language.meaning import LANGUAGE_VERSION, list_changes
    from storage.language.query import parse

    path = paths.database_in(config.data_dir)
    if not path.exists():
        return []
    try:
        languages = rules.read_languages_of(path)
    except ArchiveError:  # other commands report it
        return []
    found, phrases = [], config.phrases()
    for index, rule in enumerate(config.rules):
        before = languages.get((rule.name, rule.query), LANGUAGE_VERSION)
        if before == LANGUAGE_VERSION:
            continue
        if changes := list_changes(parse(rule.query, terms=phrases), before):
            sentence = f'the rule "{rule.name}" means something else since this version: {"; ".join(changes)}'
            found.append(str(document.problem(("rules", index, "query"), sentence)))
    return found


def _format_setting(session: Session, leaf: "Setting", part: "KeyPath", *, origin: bool) -> str:
    from bot.config.document import written_path

    key = one_line(written_path(leaf.keys[len(part) :]))
    shown = f"# {key} is not set" if leaf.value is None else f"{key} = {json_text(leaf.value)}"
    return pad(shown, 44) + style(session, f" # {one_line(leaf.origin)}", "dim") if origin else shown


@command.command("schema")
@click.pass_obj
def print_schema(session: Session) -> None:
    """Print the JSON Schema that gives an editor completion and checks."""
    from bot.config.schema import schema as describe
    from bot.listing.kinds import every_kind

    write_json(session, describe(every_kind()))


@command.command("example")
@click.pass_obj
def print_example(session: Session) -> None:
    """Print config.example.toml, in which every key is explained.

    \b
    communique config example | less
    """  # noqa: D301  click reads the backspace
    from bot.shipped import find_shipped

    write_line(session, find_shipped("config.example.toml").read_text(encoding="utf-8").rstrip("\n"))


@command.command("path")
@format_options(streams=False)
@click.pass_obj
def print_paths(session: Session, form: Form | None) -> None:
    """Print the paths of the config file, the data directory, the database and the files."""
    from bot.config import paths

    config = paths.find_config(session.config_flag, session.environment)
    data = session.data_dir()
    found = {
        "config": config.absolute() if config else None,
        "data": data,
        "database": paths.database_in(data),
        "media": paths.media_in(data),
        "lock": paths.lock_in(data),
    }
    if config is None:
        say(session, f"{NO_CONFIG}, or put one at {paths.usual_config()}")
    if form == "json":
        write_json(session, {what: None if where is None else str(where) for what, where in found.items()})
        return
    write_table(
        session,
        ("what", "path"),
        [(what, "-" if where is None else str(where)) for what, where in found.items()],
        listed=False,
    )


def _load(session: Session, file: Path | None, *, needed: bool = True) -> "tuple[Config, ConfigFile]":
    from bot.config.document import open_document, parse
    from bot.config.reading import find, settle
    from bot.listing.kinds import every_kind

    if file == Path("-"):
        document = parse(sys.stdin.buffer.read(), name="<stdin>", path=None, directory=Path.cwd())
    elif file is not None:
        document = open_document(file)
    else:
        document = find(session.config_flag, session.environment)
        if needed and document.path is None:
            raise ConfigError((Problem("", NO_CONFIG),))
    return settle(document, session.environment, every_kind(), data_dir=session.data_dir_flag), document

"""What every command gets and how it prints: lines, JSON, JSONL, CSV; foreign text is always made safe."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeVar

import click

from bot.cli.terminal.numbers import WholeNumber
from bot.clock import Clock
from bot.config.environment import Environment
from bot.errors import CommuniqueError, ConfigError, Problem, UserError
from bot.foreign.text import json_text, visible
from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.config.model import Config
    from storage.archive.database import Archive
    from storage.language.terms import Term

Style = Literal["bold", "dim", "red", "green", "yellow"]
Form = Literal["human", "json", "jsonl", "csv"]
_Command = TypeVar("_Command", bound=Callable[..., Any])
_STYLES: dict[Style, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


NO_CONFIG = "there is no config file: `communique init` writes one"


@dataclass(frozen=True, slots=True)
class Session:
    """What one call of the program may use. `colour` is already decided; stdout is for data, stderr for talk."""

    config_flag: Path | None
    data_dir_flag: Path | None
    environment: Environment
    colour: bool
    out: TextIO
    err: TextIO
    clock: Clock = field(default_factory=Clock)
    pages: bool = True  # whether a pager may be used
    header: bool = True  # whether a table that is not drawn begins with its headings
    noted: set[str] = field(default_factory=set)  # what was said once

    def config(self) -> "Config":
        """Read and check the whole configuration. Slow to import: never on the way to `search`. Raises ConfigError."""
        from bot.config import load
        from bot.listing.kinds import every_kind

        return load(self.config_flag, self.environment, kinds=every_kind(), data_dir=self.data_dir_flag)

    def written_config(self) -> "Config":
        """The same, for what makes no sense without a config file. Raises ConfigError, also where there is none."""
        config = self.config()
        if config.path is None:
            raise ConfigError((Problem("", NO_CONFIG),))
        return config

    def has_config(self) -> bool:
        """Whether there is a config file, or one was named."""
        from bot.config import paths

        return paths.find_config(self.config_flag, self.environment) is not None

    def data_dir(self) -> Path:
        """Find the directory of database, media and lock, without checking the configuration.

        Raises ConfigError where a config that is no TOML leaves in doubt which one it is.
        """
        from bot.config import paths

        return paths.data_dir(self.config_flag, self.data_dir_flag, self.environment, self._note_mistake)

    def _note_mistake(self, problem: Problem) -> None:
        say_once(self, f"warning: the config has a mistake, and only what is certain is taken from it: {problem}")

    def terms(self) -> "dict[str, Term]":
        """The phrases of each @name. Reads the config file, so it is called only for a query with an @."""
        from bot.config.terms import phrases

        return phrases(self.config_flag, self.environment)

    def archive(self, *, says: bool = True) -> "Archive":
        """Open the archive for reading, and say (with `says`) if it is not the one that was here before.

        Raises UserError where nothing has been collected yet.
        """
        from bot.config import paths
        from storage.archive import marker
        from storage.archive.database import Archive

        path = paths.database_in(self.data_dir())
        if os.access(path.parent, os.F_OK) and not path.parent.is_dir():
            raise UserError(f"{path.parent} is not a directory: name the one that the archive is in")
        found = marker.trouble(path)
        odd = None if found is None else str(found)
        if not os.access(path, os.F_OK):  # unlike `exists`, no error where the directory lets nobody in
            if self.data_dir_flag is not None and not os.access(path.parent, os.F_OK) and odd is None:
                raise UserError(f"there is no directory {path.parent}: correct --data-dir")
            how = ": run" if self.has_config() else f", and {NO_CONFIG}; then run"
            raise UserError(odd or f"nothing collected yet in {path.parent}{how} `communique run --once`")
        if found is not None and says and not found.repeats:
            say(self, str(found))
        return Archive(path)

    def timezone(self) -> str | None:
        """The zone of [defaults] timezone, where the config sets one. Cheap; a broken config has none."""
        from bot.config.timezone import find_timezone

        return find_timezone(self.config_flag, self.environment)

    @property
    def on_terminal(self) -> bool:
        return self.out.isatty()

    @property
    def columns(self) -> int:
        """The width of the terminal."""
        from shutil import get_terminal_size

        return max(20, get_terminal_size((80, 24)).columns)


def open_session(config: Path | None, data_dir: Path | None, *, no_color: bool, no_pager: bool) -> Session:
    """Describe the session of this process."""
    environment = Environment.of_process()
    return Session(
        config_flag=config,
        data_dir_flag=data_dir,
        environment=environment,
        colour=not no_color and wants_colour(environment, on_terminal=sys.stdout.isatty()),
        out=sys.stdout,
        err=sys.stderr,
        pages=not no_pager,
    )


def wants_colour(environment: Environment, *, on_terminal: bool) -> bool:
    """NO_COLOR beats FORCE_COLOR, which beats what the terminal can do."""
    if environment.no_color:
        return False
    return environment.force_color or (on_terminal and environment.term != "dumb")


class Noun(click.Group):
    """A group of commands about one thing; its help has the whole first sentence of each."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as click calls it
        lines = [(name, command.get_short_help_str(400)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(lines)


# What a command prints -----------------------------------------------------------------------------------------------


def write_line(session: Session, text: str = "") -> None:
    """Print one line of data. `text` must be ours or already `visible`, because it may contain our colour codes."""
    session.out.write(f"{text}\n")


def write_text(session: Session, text: str, *, indent: int | None = None) -> None:
    """Print one line for a person: on a terminal, it is continued below `indent`, or below its own beginning."""
    write_line(session, fold(session, text, indent=indent))


def fold(session: Session, text: str, *, indent: int | None = None) -> str:
    """Cut a line as `write_text` does."""
    if not session.on_terminal:
        return text
    from bot.cli.terminal.width import wrap

    below = len(text) - len(text.lstrip(" ")) if indent is None else indent
    return "\n".join(wrap(text, session.columns, indent=below))


def say(session: Session, text: str) -> None:
    """Print one sentence to stderr; made safe here."""
    session.err.write(f"{visible(text, newlines=True)}\n")


def say_once(session: Session, text: str) -> None:
    """Print a sentence to stderr, unless this call of the program has printed it."""
    if text not in session.noted:
        session.noted.add(text)
        say(session, text)


def style(session: Session, text: str, style: Style) -> str:
    """Safe text in a style, if the session has colour."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if session.colour else text


# Options that several commands share ---------------------------------------------------------------------------------


def table_option(command: _Command) -> _Command:
    """Give the command `--no-header`, which its table then obeys."""
    return click.option(
        "--no-header",
        is_flag=True,
        expose_value=False,
        callback=_leave_header_out,
        help="In a pipe or a file, without the line of headings.",
    )(command)


def _leave_header_out(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.obj = replace(ctx.obj, header=False)


def source_option(command: _Command) -> _Command:
    """Give the command `--source`, which it gets as `sources`; the shell completes names."""
    return click.option(
        "--source",
        "sources",
        metavar="NAME",
        multiple=True,
        shell_complete=_source_names,
        help="Only this source; may be repeated.",
    )(command)


def tag_option(command: _Command) -> _Command:
    """Give the command `--tag`, which it gets as `tags`."""
    return click.option(
        "--tag",
        "tags",
        metavar="TAG",
        multiple=True,
        shell_complete=complete_tag,
        help="Only sources with this tag; may be repeated.",
    )(command)


def source_argument(command: _Command) -> _Command:
    """Give the command an argument NAME, which it gets as `name`."""
    return click.argument("name", metavar="NAME", shell_complete=_source_names)(command)


def source_arguments(command: _Command) -> _Command:
    """Give the command any number of arguments NAME, which it gets as `names`."""
    return click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=_source_names)(command)


def _source_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    return complete_name(ctx, "sources", incomplete)


def complete_name(ctx: click.Context, section: str, incomplete: str) -> list[str]:
    """Names of sources, rules or targets for shell completion; none where the config cannot be read."""
    return _completed((entry.get("name") for entry in _read_entries(ctx, section)), incomplete)


def complete_tag(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The same for tags of sources."""
    entries = _read_entries(ctx, "sources")
    tags = (tag for entry in entries if isinstance(entry.get("tags"), list) for tag in entry["tags"])
    return _completed(dict.fromkeys(tag for tag in tags if isinstance(tag, str)), incomplete)


def _completed(names: Iterable[object], incomplete: str) -> list[str]:
    return [name for name in names if isinstance(name, str) and name.startswith(incomplete)]


def _read_entries(ctx: click.Context, section: str) -> list[dict[str, Any]]:
    import tomllib

    from bot.config import paths

    flags = ctx.find_root().params
    try:
        path = paths.find_config(flags.get("config"), Environment.of_process())
        entries = [] if path is None else tomllib.loads(path.read_text("utf-8-sig")).get(section, [])
    except (OSError, ValueError, CommuniqueError):
        return []
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def limit_option(default: int, what: str) -> Callable[[_Command], _Command]:
    """Give the command `--limit`, which it gets as `limit`; None where it was not given: see `find_limit`."""
    return click.option(
        "--limit",
        type=WholeNumber(min=1),
        metavar="N",
        help=f"At most this many {what}; by default {default}, and all of them with --json, --jsonl or --csv.",
    )


def find_limit(limit: int | None, default: int, form: Form | None) -> int | None:
    """The limit that applies: what a machine reads is never cut where nobody asked for it."""
    return default if limit is None and form is None else limit


def say_left_out(session: Session, shown: int, total: int, *, whole: bool = True) -> None:
    """Say "20 of 45; --limit N shows more" where something was left out; not `whole`: there are more than `total`."""
    if shown < total or not whole:
        say(session, f"{shown:,} of {'' if whole else 'more than '}{total:,}; --limit N shows more")


# Machine output ----------------------------------------------------------------------------------------------------


def format_options(*, streams: bool = True) -> Callable[[_Command], _Command]:
    """Options `--json`, and with `streams` `--jsonl` and `--csv`, which the command gets as `form`."""
    known: tuple[tuple[Form, str], ...] = (
        ("json", "One JSON document."),
        ("jsonl", "One JSON object per line, as a stream."),
        ("csv", "CSV, safe for spreadsheets; lists are joined by |."),
    )

    def decorate(command: _Command) -> _Command:
        for form, sentence in reversed(known if streams else known[:1]):
            command = click.option(f"--{form}", "form", flag_value=form, type=str, help=sentence)(command)
        return command

    return decorate


def write(session: Session, form: Form, documents: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Documents as one JSON list, as JSON lines, or as CSV of `columns`; each is written as it comes."""
    from bot.documents.forms import write_form

    for piece in write_form(form, documents, columns):
        session.out.write(piece)


def write_json(session: Session, document: object) -> None:
    """Print one document, indented."""
    write_line(session, json_text(document, indent=2))

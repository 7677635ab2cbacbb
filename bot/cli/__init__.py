"""The command line: one file per noun; nothing heavy is imported before the command that needs it."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from bot.cli.terminal.output import open_session
from storage.frozen import dataclass
from storage.language.nearest import nearest

EXAMPLES = """\
  communique init                        write a config.toml that needs no account
  communique run --once                  collect everything once
  communique run                         keep watching, in the foreground
  communique search '"regional command"' --since 7d
  communique search တိုင်းစစ်ဌာနချုပ် --jsonl | head
  communique show SOURCE/123 --history
  communique status
"""
EXIT_CODES = """\
    0  ok                        4  the config is invalid
    1  failed                    5  a source or target refused
    2  wrong usage              75  already running
    3  nothing found           130  stopped by Ctrl-C
"""


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command that is imported when it is called: its module, and its one line of help."""

    module: str
    line: str
    attribute: str = "command"


_FOLDERS = {"rules": "rules.group", "show": "show.command", "sources": "sources.group", "status": "status.command"}
_COMMANDS = {
    name: Lazy(f"bot.cli.{_FOLDERS.get(name, name.replace('-', '_'))}", line)
    for name, line in {
        "init": "Write a commented config.toml that works without an account.",
        "demo": "Watch a small world of fictional channels; needs nothing.",
        "run": "Watch every source until stopped; --once makes one pass.",
        "login": "Sign in to Telegram by code or QR code; --status, --logout.",
        "status": "Show what is watched, what fails and what is waiting.",
        "config": "Check, show and locate the configuration; print an example.",
        "sources": "Add, list, check, backfill, pause and resume sources.",
        "search": "Find posts, newest first; queries are written as in rules.",
        "show": "Show one post with everything that the archive has on it.",
        "media": "List files with their states; fetch or read them again.",
        "export-media": "Copy stored recordings, pictures and files to a directory.",
        "export": "Write posts to a file for another program, with a manifest.",
        "tail": "Show the newest posts; with -f also new ones as they arrive.",
        "stats": "Draw posts per day, source and language.",
        "rules": "List, test, explain and replay rules.",
        "serve": "Open the reading room: the archive in a browser.",
        "backup": "Back up archive, files and config; the daemon may run.",
        "restore": "Restore a backup into an empty directory.",
        "alerts": "List and explain alerts, send them again, test a target.",
        "events": "List, show and correct events: statements with their copies.",
        "people": "Say who may use the reading room, and what they may do.",
        "tokens": "Make, list and revoke tokens of programs and feed readers.",
        "models": "Try the engines that transcribe, read and translate.",
        "man": "Show the manual page.",
        "completion": "Print completion of commands and names for a shell.",
        "doctor": "Check the clock, disk, database, config and engines.",
    }.items()
}


class LazyGroup(click.Group):
    """A group that imports each command only when it is called, and knows their names and help lines before."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  as click calls it
        return list(dict.fromkeys((*self.commands, *self.lazy)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        lazy = self.lazy.get(cmd_name)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        try:
            command = getattr(importlib.import_module(lazy.module), lazy.attribute)
        except ModuleNotFoundError as missing:
            if missing.name != lazy.module:
                raise
            raise click.UsageError(f"`{cmd_name}` is not part of this installation.", ctx) from None
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-") and not ctx.resilient_parsing:
            near = nearest(name, self.list_commands(ctx))
            hint = f" Did you mean `{near}`?" if near else ""
            raise click.UsageError(f"There is no command `{name}`.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        lines = []
        for name in self.list_commands(ctx):
            lazy = self.lazy.get(name)
            if lazy is not None:
                lines.append((name, lazy.line))
            elif (command := super().get_command(ctx, name)) is not None:
                lines.append((name, command.get_short_help_str(400)))
        with formatter.section("Commands"):
            formatter.write_dl(lines)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        lazies = [CompletionItem(name, help=known.line) for name, known in self.lazy.items()]
        named = {item.value for item in lazies}
        others = [item for item in super().shell_complete(ctx, incomplete) if item.value not in named]
        return [item for item in lazies if item.value.startswith(incomplete)] + others


class ReaderGone(Exception):
    """The program that read our stdout has ended."""


class _Root(LazyGroup):
    """The group of all commands; its help opens with examples and the exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as gone:  # click would make it a failure
            raise ReaderGone from gone

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        from bot.shipped import find_shipped

        formatter.write(f"\nExamples:\n{EXAMPLES}\nExit codes:\n{EXIT_CODES}")
        formatter.write(f"\nMore: communique man, and the pages in {find_shipped('docs')}\n")


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("communique")
        except PackageNotFoundError:
            found = "(a checkout that is not installed)"
        click.echo(f"communique {found}")
        ctx.exit()


@click.group(
    cls=_Root,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="PATH", help="The config file; by default ./config.toml."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory of the database, files, session and logs.",
)
@click.option("--no-color", is_flag=True, help="Print without colour.")
@click.option("--no-pager", is_flag=True, help="Print everything at once, also what is longer than the screen.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
@click.pass_context
def root(ctx: click.Context, config: Path | None, data_dir: Path | None, no_color: bool, no_pager: bool) -> None:
    """Watches official statements at their source, archives every revision, and alerts within seconds."""
    ctx.obj = open_session(config, data_dir, no_color=no_color, no_pager=no_pager)

"""docs/commands.md, made from the commands themselves."""

import inspect
from collections.abc import Iterator

import click

from bot.cli import root

HEAD = """\
# Commands

`make docs` writes this page from the program; `communique COMMAND --help` prints the same.
The options of the first table come before the command: `communique --data-dir DIR search QUERY`.
"""


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command with its full name, groups before what is in them."""
    yield from _below(root, click.Context(root, info_name="communique"))


def _below(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _below(inner, click.Context(inner, info_name=name, parent=context))


def page() -> str:
    """docs/commands.md as it must be; `make docs` writes it."""
    return "\n".join([HEAD, *(_entry(*found) for found in commands())])


def _entry(name: str, command: click.Command, context: click.Context) -> str:
    parts = [f"## {name}\n"]
    if context.parent is not None:
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        parts.append(f"```text\n{usage}\n```\n")
    parts += [_paragraph(one) for one in inspect.cleandoc(command.help or "").split("\f")[0].split("\n\n")]
    options = [one for one in command.get_params(context) if isinstance(one, click.Option) and "--help" not in one.opts]
    records = [option.get_help_record(context) for option in options]
    rows = [f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in filter(None, records)]
    if rows:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _paragraph(text: str) -> str:
    if text.startswith("\b"):
        return f"```text\n{text.removeprefix(chr(8)).strip()}\n```\n"
    return f"{text}\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

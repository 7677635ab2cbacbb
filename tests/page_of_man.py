"""docs/communique.1, the manual page, made from the commands themselves (groff_man(7))."""

import inspect
from collections.abc import Iterator

import click

from bot.cli import EXAMPLES, EXIT_CODES
from tests.page_of_commands import commands

HEAD = """\
.\\" Made from the program by `make docs`.
.TH COMMUNIQUE 1 "" "Communiqué" "User Commands"
.SH NAME
communique \\- watch official statements at their source, archive every revision, send alerts
.SH SYNOPSIS
.B communique
[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]...
"""
ENVIRONMENT = (
    ("COMMUNIQUE_CONFIG", "The config file, as --config."),
    ("COMMUNIQUE_DATA_DIR", "The data directory, as --data-dir."),
    ("COMMUNIQUE_SECTION__KEY", "A key of a section of the config, such as COMMUNIQUE_DEFAULTS__TIMEZONE."),
    ("NO_COLOR, FORCE_COLOR", "Print without colour, or with it."),
    ("PAGER", "Shows what is longer than the screen; less by default, cat for none."),
)


def page() -> str:
    """docs/communique.1 as it must be; `make docs` writes it."""
    parts = [HEAD]
    for name, command, context in commands():
        if context.parent is None:
            parts.append(f".SH DESCRIPTION\n{_text(command.help or '')}\n.SH OPTIONS\n")
            parts += _options(command, context)
            parts.append(".SH COMMANDS\n")
        else:
            parts += _entry(name, command, context)
    parts.append(".SH ENVIRONMENT\n")
    parts += [f".TP\n.B {_text(name)}\n{_text(meaning)}\n" for name, meaning in ENVIRONMENT]
    parts.append(f".SH EXIT STATUS\n{_verbatim(EXIT_CODES)}.SH EXAMPLES\n{_verbatim(EXAMPLES)}")
    return "".join(parts)


def _entry(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f".SS {_text(name)}\n.B {_text(usage)}\n.PP\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\f")[0].split("\n\n"):
        yield _verbatim(paragraph[2:]) if paragraph.startswith("\b") else f"{_text(paragraph)}\n.PP\n"
    yield from _options(command, context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for option in command.get_params(context):
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None and "--help" not in option.opts:
            yield f".TP\n.B {_text(record[0])}\n{_text(record[1])}\n"


def _verbatim(text: str) -> str:
    return f".nf\n{_text(text.strip(chr(10)))}\n.fi\n.PP\n"


def _text(text: str) -> str:
    """Text that groff prints as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join(f"\\&{line}" if line.startswith((".", "\\(aq")) else line for line in escaped.split("\n"))

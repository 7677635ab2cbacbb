"""`communique man`: the manual page, in the viewer of this system or as text for a file."""

import subprocess
from shutil import which

import click

from bot.cli.terminal.output import Session, write_line
from bot.cli.terminal.pager import pager_option
from bot.config.environment import pager_variables
from bot.shipped import find_shipped


@click.command("man")
@pager_option
@click.pass_obj
def command(session: Session) -> None:
    """Show the manual page; in a pipe or a file, print its source.

    \b
    communique man > ~/.local/share/man/man1/communique.1     then `man communique` finds it
    """  # noqa: D301  click reads the backspace
    page = find_shipped("docs/communique.1")
    viewer = which("man")
    if not session.on_terminal:
        write_line(session, page.read_text(encoding="utf-8").rstrip("\n"))
    elif viewer and session.pages:
        subprocess.run([viewer, "--local-file", str(page)], env=pager_variables(), check=False)  # noqa: S603
    else:
        write_line(session, find_shipped("docs/commands.md").read_text(encoding="utf-8").rstrip("\n"))

"""`communique completion`: prints the completion of commands, options and names for a shell."""

from typing import TYPE_CHECKING

import click

from bot.cli.terminal.output import write_line

if TYPE_CHECKING:
    from bot.cli.terminal.output import Session

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_obj
def command(session: "Session", shell: str) -> None:
    """Print what makes a shell complete commands, options and the names of sources, rules and targets.

    \b
    bash: communique completion bash > ~/.local/share/bash-completion/completions/communique
    zsh:  communique completion zsh > ~/.zfunc/_communique   (and in ~/.zshrc: fpath+=~/.zfunc; compinit)
    fish: communique completion fish > ~/.config/fish/completions/communique.fish

    Shells that you start afterwards have it. An installation into /usr or /usr/local has it already.
    """  # noqa: D301  click reads the backspace
    write_line(session, script(shell).rstrip("\n"))


def script(shell: str) -> str:
    """The script for one shell."""
    from click.shell_completion import get_completion_class

    from bot.cli import root

    found = get_completion_class(shell)
    assert found is not None
    completion = found(root, {}, "communique", "_COMMUNIQUE_COMPLETE")
    return completion.source_template % completion.source_vars()

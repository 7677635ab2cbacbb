"""`communique sources remove` and `rename`: change an entry in the config file; what was collected stays."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.names import find_by_name
from bot.cli.terminal.output import Session, source_argument, write_line
from bot.errors import UserError
from bot.foreign.text import visible

if TYPE_CHECKING:
    from bot.config import Config


@click.command("remove")
@source_argument
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Take a source out of the config file. What was collected of it stays in the archive."""
    from bot.config.editing import remove_entry

    config, path = written(session)
    find_by_name(config.sources, name, "source")
    users = [rule.name for rule in config.rules if rule.sources and name in rule.sources]
    if users:
        named = ", ".join(visible(user) for user in users[:3])
        raise UserError(f"the rule {named} names this source: take it out there first ({visible(str(path))})")
    save(session, path, remove_entry(path.read_text(encoding="utf-8"), "sources", name))
    write_line(session, f"{visible(name)} is removed from {visible(str(path))}; its archive stays")


@click.command("rename")
@source_argument
@click.argument("new")
@click.pass_obj
def rename(session: Session, name: str, new: str) -> None:
    """Give a source another name in the config file; its archive goes along (`was`), and rules that name it follow."""
    from bot.config.editing import rename_entry

    config, path = written(session)
    source = find_by_name(config.sources, name, "source")
    if any(other.name == new for other in config.sources):
        raise UserError(f"there is a source {visible(new)} already")
    if source.was is not None:
        raise UserError(
            f"{visible(name)} was {visible(source.was)} and has not been started since, or `was` is still there: "
            "start the daemon once, take `was` out of the entry, then rename it"
        )
    save(session, path, rename_entry(path.read_text(encoding="utf-8"), "sources", name, new, [("rules", "sources")]))
    write_line(session, f"{visible(name)} is {visible(new)} now; the daemon moves its archive when it reads the config")


def written(session: Session) -> "tuple[Config, Path]":
    """The config, and the file that it is in."""
    config = session.written_config()
    assert config.path is not None
    return config, config.path


def save(session: Session, path: Path, text: str) -> None:
    """Write the config file, if what it says is without mistakes."""
    from bot.config.editing import save_checked
    from bot.listing.kinds import every_kind

    save_checked(path, text, session.environment, every_kind())

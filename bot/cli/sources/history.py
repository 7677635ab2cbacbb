"""`communique sources history`: what has changed about who a source is."""

import click

from bot.cli.names import name_source, unknown_name
from bot.cli.terminal.output import Form, Session, format_options, say, source_argument, table_option, write
from bot.cli.terminal.table import write_table
from bot.cli.terminal.times import zone_option
from bot.documents.identity import change_json, describe_change
from bot.foreign.text import visible
from bot.listing.times import Zone, format_time

COLUMNS = ("source", "at", "what", "before", "after", "words")


@click.command("history")
@source_argument
@zone_option
@format_options()
@table_option
@click.pass_obj
def command(session: Session, name: str, zone: Zone, form: Form | None) -> None:
    """List what has changed about who a source is: its id, name, title and picture, and where it has moved to."""
    from storage.sources import identity
    from storage.sources.names import read_tags

    name = name_source(session, name)
    with session.archive().reading() as reader:
        known = read_tags(reader)
        if name not in known:
            raise unknown_name(name, known, "source", "the archive")
        changes = identity.list_changes(reader, name)
    if form is not None:
        write(session, form, map(change_json, changes), COLUMNS)
        return
    rows = [[format_time(one.at, zone), one.what, describe_change(one)] for one in changes]
    write_table(session, ("time", "what", "change"), rows)
    if not changes:
        say(
            session,
            f"nothing is known yet of who {visible(name)} is: its kind shows no lasting id, or it was not reached",
        )

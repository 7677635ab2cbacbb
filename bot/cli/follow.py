"""`communique alerts follow`: says whether alerts follow a chat to where it has moved."""

import click

from bot.cli.names import find_by_name
from bot.cli.terminal.output import Session, complete_name, write_line


@click.command("follow")
@click.argument("target", metavar="TARGET", shell_complete=lambda ctx, _, typed: complete_name(ctx, "targets", typed))
@click.option("--no", "refused", is_flag=True, help="Send nothing there: the target is suspended.")
@click.pass_obj
def follow_chat(session: Session, target: str, refused: bool) -> None:
    """Say that alerts of a target belong where its chat has moved.

    A group of Telegram that becomes a supergroup gets another number. Alerts go there at once, and this is the answer
    to the question whether that is right. With --no the target is suspended until the config names another chat.
    """
    from bot.alerts.moving import answer_move

    find_by_name(session.config().targets, target, "target")
    with session.archive() as archive, archive.writing() as writer:
        said = answer_move(writer, target, session.clock.now(), follow=not refused)
    write_line(session, said)

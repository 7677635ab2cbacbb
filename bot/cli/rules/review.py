"""`communique rules review`: walks through what a rule alerted about and nobody has judged yet."""

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from bot.cli.answers import by_option, find_person
from bot.cli.names import find_by_name
from bot.cli.rules.selection import complete_rule
from bot.cli.terminal.output import Session, say, style, write_line
from bot.cli.terminal.posts import print_post
from bot.cli.terminal.times import zone_option
from bot.documents.counts import format_count
from bot.listing.times import Zone, parse_time

if TYPE_CHECKING:
    from storage.answers.verdicts import Verdict
    from storage.archive.database import Archive

_VERDICTS: "dict[str, Verdict]" = {"u": "useful", "n": "noise"}
_PROMPT = "useful, noise, skip or quit? [u/n/s/q] "


@click.command("review")
@click.argument("name", metavar="NAME", shell_complete=complete_rule)
@click.option("--since", metavar="TIME", default="30d", show_default=True, help="Alerts since then: 7d, 2026-11-01.")
@by_option
@zone_option
@click.pass_obj
def review_rule(session: Session, name: str, since: str, who: str | None, zone: Zone) -> None:
    """Judge what a rule alerted about, one event after the other: u useful, n noise, s skip, q quit.

    It asks about events that nobody has judged, the newest first. Each answer is stored at once, so that you can quit
    and come back. Where stdin is no terminal, each line of it is an answer.
    """
    from bot.answers import answering
    from storage.answers import verdicts

    find_by_name(session.written_config().rules, name, "rule")
    start = parse_time(since, zone, session.clock.now(), option="--since")
    person, answers = find_person(who), Counter[str]()
    with session.archive() as archive:
        with archive.reading() as reader:
            alerts = verdicts.list_unjudged(reader, name, start)
        if not alerts:
            say(session, f"nothing to judge: {name} has no alert since then that nobody has judged")
        for number, alert in enumerate(alerts, 1):
            _print_alert(session, archive, alert, f"{number} of {len(alerts)}", zone)
            key = _ask(session)
            if key == "q":
                break
            answers[_VERDICTS.get(key, "skipped")] += 1
            if key in _VERDICTS:
                with archive.writing() as writer:
                    answering.judge_alert(writer, alert, person, _VERDICTS[key], session.clock.now())
    left = len(alerts) - answers.total()
    said = ", ".join(f"{answers[word]} {word}" for word in ("useful", "noise", "skipped"))
    if alerts:
        say(session, f"{said}; {format_count(left, 'event')} left")


def _print_alert(session: Session, archive: "Archive", alert: int, place: str, zone: Zone) -> None:
    from storage.alerts import matches
    from storage.posts import reading

    with archive.reading() as reader:
        story = matches.read_story(reader, alert)
        assert story is not None
        [post] = reading.read_posts(reader, [story.match.post_id])
    write_line(session, style(session, f"{place}: alert {alert}", "bold"))
    print_post(session, post, zone, story.match.hits, dict(story.texts), highlight=True)
    session.out.flush()


def _ask(session: Session) -> str:
    """One of u, n, s and q; q at the end of the input."""
    while True:
        session.err.write(_PROMPT)
        session.err.flush()
        key = _read_key()
        session.err.write(f"{key if key in 'unsq' else ''}\n")
        if key in {"u", "n", "s", "q"}:
            return key


def _read_key() -> str:
    """One key of a terminal, or the first letter of a line; q where there is no more."""
    if sys.stdin.isatty():
        typed = click.getchar()
        return "q" if typed in {"\x04", ""} else typed[:1].lower()
    line = sys.stdin.readline()
    return line.strip()[:1].lower() if line else "q"

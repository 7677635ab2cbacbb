"""`communique rules suggest`: words that would drop what people judged noise, and nothing that they found useful."""

from typing import TYPE_CHECKING

import click

from bot.cli.names import find_by_name
from bot.cli.query import NOTHING_FOUND, parse_query
from bot.cli.rules.replay import count_matches
from bot.cli.rules.selection import complete_rule
from bot.cli.terminal.numbers import WholeNumber
from bot.cli.terminal.output import Session, format_options, say, write_json, write_line
from bot.cli.terminal.times import zone_option
from bot.documents.as_json import iso
from bot.foreign.text import one_line
from bot.listing.times import Zone, parse_time

if TYPE_CHECKING:
    from bot.answers.suggesting import Suggestion


@click.command("suggest")
@click.argument("name", metavar="NAME", shell_complete=complete_rule)
@click.option("--since", metavar="TIME", default="90d", show_default=True, help="What replay looks at: 7d, 2026-11-01.")
@click.option("--limit", type=WholeNumber(1, 20), default=5, show_default=True, help="At most this many words.")
@zone_option
@format_options(streams=False)
@click.pass_context
def suggest_words(ctx: click.Context, name: str, since: str, limit: int, zone: Zone, form: str | None) -> None:
    """Name words that are in noise and never in what was useful, and what `rules replay` would find without them.

    It learns from what people judged (`rules review`, `alerts verdict`) and changes nothing: to leave a word out, add
    it to the query of the rule with a minus. Exit code 3 if there is nothing to suggest.
    """
    from bot.answers import suggesting
    from storage.answers import verdicts
    from storage.search.documents import load_documents

    session: Session = ctx.obj
    config = session.written_config()
    rule = find_by_name(config.rules, name, "rule")
    query = parse_query(rule.query, terms=config.phrases)
    start, now = parse_time(since, zone, session.clock.now(), option="--since"), session.clock.now()
    with session.archive().reading() as reader:
        judged = verdicts.list_judged(reader, name)
        documents = load_documents(reader, [post for post, _ in judged])
        useful, noise = (
            suggesting.find_matching(query, [documents[post] for post, kind in judged if kind is wanted])
            for wanted in (True, False)
        )
        found = suggesting.suggest_words(query, useful, noise, limit)
        posts = count_matches(session, reader, rule, query, start, now) if found else 0
        left = {
            one.term: count_matches(
                session, reader, rule, parse_query(suggesting.leave_out(rule.query, one.term), terms=config.phrases),
                start, now,
            )
            for one in found
        }  # fmt: skip
    if form is not None:
        words = [
            {
                "word": one.word,
                "term": f"-{one.term}",
                "noise": one.noise,
                "useful": one.useful,
                "posts": left[one.term],
            }
            for one in found
        ]
        write_json(
            session,
            {
                "rule": name,
                "useful": len(useful),
                "noise": len(noise),
                "since": iso(start),
                "posts": posts,
                "words": words,
            },
        )
    for one in found if form is None else ():
        write_line(session, _describe(one, len(useful), len(noise)))
        write_line(session, f"    rules replay --since {since} would find {left[one.term]} posts instead of {posts}")
    if not found:
        say(session, _why_nothing(name, len(useful), len(noise)))
        ctx.exit(NOTHING_FOUND)
    if not useful:
        say(
            session, f"warning: nothing of {name} that it still finds was judged useful, so any word may be one to keep"
        )


def _describe(one: "Suggestion", useful: int, noise: int) -> str:
    return one_line(f"adding -{one.term} would drop {one.noise} of {noise} noise and {one.useful} of {useful} useful")


def _why_nothing(name: str, useful: int, noise: int) -> str:
    if not noise:
        return (
            f"nothing to suggest: nothing that {name} still finds was judged noise (`communique rules review {name}`)"
        )
    return f"nothing to suggest: every word of the {noise} noise of {name} is also in some of the {useful} useful"

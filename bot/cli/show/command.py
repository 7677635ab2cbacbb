"""`communique show`: one post with its text, times, media, revisions, observations, matches and hashes."""

from collections.abc import Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

import click

from bot.alerts.plan import describe_reason
from bot.cli.show import files
from bot.cli.terminal.output import Session, fold, format_options, style, write_json, write_line
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.times import zone_option
from bot.documents.event import describe_copy
from bot.documents.post import convert_zawgyi
from bot.errors import CommuniqueError, UserError
from bot.foreign.text import one_line, undated, visible
from bot.listing.names import find_post
from bot.listing.posts import describe_whole
from bot.listing.times import Zone, format_time
from storage.language import zawgyi
from storage.posts import post_history
from storage.posts import reading as post_reading
from storage.records import Fetch, Forward, ObservationRow, PostRow

if TYPE_CHECKING:
    from storage.archive.database import Reader

_LABEL = 10


@click.command("show")
@click.argument("key", metavar="POST")
@click.option(
    "--history", is_flag=True, help="Also every revision with its changes, and when the post was seen or absent."
)
@click.option("--raw", is_flag=True, help="Print the bytes as received to stdout.")
@click.option("--yes", is_flag=True, help="Print raw bytes even to a terminal.")
@click.option("--open", "opens", is_flag=True, help="Print the paths of its files; on a terminal, open them.")
@zone_option
@format_options(streams=False)
@pager_option
@click.pass_obj
def command(
    session: Session, key: str, history: bool, raw: bool, yes: bool, opens: bool, zone: Zone, form: str | None
) -> None:
    """Show one post. POST is its id, SOURCE/NATIVE_ID or its URL.

    \b
    communique show spokesman/123 --history
    communique show https://t.me/example_channel/123 --json
    """  # noqa: D301  click reads the backspace
    if raw and session.on_terminal and not yes:
        raise UserError("raw bytes can control a terminal: write them to a file (`> post.html`), or add --yes")
    with session.archive().reading() as reader:
        post = find_post(reader, key)
        if opens:
            files.open_files(session, post, form)
        elif raw:
            _write_raw(reader, post)
        elif form is not None:
            write_json(session, describe_whole(reader, post, history=history))
        else:
            for row in _describe(session, reader, post, zone, history=history):
                write_line(session, fold(session, row) if row.startswith(" ") else row)


def _write_raw(reader: "Reader", post: PostRow) -> None:
    import sys

    from storage.archive.dictionaries import DamagedBytes

    try:
        sys.stdout.buffer.write(post_reading.read_raw(reader, post.raw_sha256))
    except DamagedBytes as damage:
        way = "restore a backup (`communique restore`); `communique doctor --all` says what else is damaged"
        raise CommuniqueError(f"the bytes of {post.source}/{post.native_id} {damage}: {way}") from None


def _describe(session: Session, reader: "Reader", post: PostRow, zone: Zone, *, history: bool) -> Iterator[str]:
    yield style(session, one_line(f"{post.source}/{post.native_id}"), "bold")
    for label, value in _list_facts(post, zone):
        yield fold(session, f"{style(session, label.ljust(_LABEL), 'dim')} {visible(value)}", indent=_LABEL + 1)
    if post.title:
        yield ""
        yield style(session, one_line(post.title), "bold")
    yield ""
    yield visible(post.text, newlines=True) or style(session, "(no text)", "dim")
    yield from _in_unicode(session, convert_zawgyi(post))
    for text in post.texts:
        if text.kind not in {"body", "file"}:
            yield ""
            yield style(session, files.text_heading(text, post.media), "dim")
            yield from files.format_words(text)
            yield from _in_unicode(session, zawgyi.convert(text.text) if zawgyi.is_zawgyi(text.text) else None)
    yield from _under_heading(session, "media", files.describe_files(reader, post, zone))
    yield from _under_heading(session, "links", (one_line(f"{link.text} -> {link.url}") for link in post.links))
    yield from _under_heading(session, "alerts", _describe_matches(reader, post, zone))
    if history:
        yield from _describe_history(session, reader, post, zone)
    elif post.revisions > 1:
        yield ""
        yield style(session, f"{post.revisions} revisions: add --history to see what changed", "dim")


def _in_unicode(session: Session, reading: str | None) -> Iterator[str]:
    if reading is not None:
        yield ""
        yield style(session, "[the text above in Unicode; it was written in Zawgyi]", "dim")
        yield visible(reading, newlines=True)


def _list_facts(post: PostRow, zone: Zone) -> Iterator[tuple[str, str]]:
    yield "id", str(post.id)
    if post.url:
        yield "address", post.url
    if post.author:
        yield "author", post.author
    yield "posted", format_time(post.posted_at, zone, unknown=undated(post.posted_raw), seconds=True)
    yield "collected", format_time(post.collected_at, zone, seconds=True)
    if post.edited_at is not None:
        yield "edited", format_time(post.edited_at, zone, seconds=True)
    if post.deleted_at is not None:
        yield "deleted", f"{format_time(post.deleted_at, zone, seconds=True)} (absence established)"
    if post.forward is not None:
        yield "forwarded", _describe_origin(post.forward)
    if post.reply_to:
        yield "reply to", post.reply_to
    yield "language", f"{post.language}, written in Zawgyi" if convert_zawgyi(post) is not None else post.language
    yield "revisions", str(post.revisions)
    if post.reread_at is not None:
        yield "read again", f"{format_time(post.reread_at, zone, seconds=True)}, by a better reader of the same bytes"
    if post.joined_by is not None:
        yield "copy of", f"event {post.event}: {describe_copy(post.joined_by, post.likeness)}"
    if post.quotes is not None:
        yield "repeats", f"event {post.quotes}, with words of its own"
    if post.rules:
        yield "matched by", ", ".join(post.rules)
    yield "sha256", f"{post.raw_sha256} (as received)"


def _describe_origin(forward: Forward) -> str:
    return "  ".join(part for part in (f"from {forward.name}", forward.url, forward.source, forward.post) if part)


def _describe_matches(reader: "Reader", post: PostRow, zone: Zone) -> Iterator[str]:
    for match in post_history.read_matches(reader, post.id):
        yield visible(f"{format_time(match.at, zone)}  {match.rule}  {match.kind}: {describe_reason(match.why)}")
        if match.acked is not None:
            yield visible(f"  acknowledged by {match.acked.by}, {format_time(match.acked.at, zone)}")
        for sent in match.deliveries:
            named = f"{sent.target} (escalation)" if sent.kind == "escalation" else sent.target
            parts = [named, sent.state, format_time(sent.settled_at, zone, unknown=""), sent.reason or ""]
            parts += ["possible repeat"] if sent.possible_repeat else []
            yield visible("  " + "  ".join(part for part in parts if part))


def _describe_fetch(fetch: Fetch) -> Iterator[str]:
    layer = "" if fetch.layer is None else f"layer {fetch.layer}"
    yield visible("  " + "  ".join(part for part in (fetch.method, layer, fetch.status, fetch.url) if part))
    if fetch.certificate:
        yield f"  certificate {fetch.certificate}"
    for name, value in fetch.headers:
        yield visible(f"  {name}: {value}")


def _describe_history(session: Session, reader: "Reader", post: PostRow, zone: Zone) -> Iterator[str]:
    lived = post_history.read_history(reader, post.id)
    before: post_history.RevisionRow | None = None
    for revision in lived.revisions:
        collected = format_time(revision.collected_at, zone, seconds=True)
        edited = "" if revision.edited_at is None else f"  edited {format_time(revision.edited_at, zone, seconds=True)}"
        yield ""
        yield style(session, visible(f"revision {revision.number + 1}  {collected}, by {revision.method}"), "bold")
        yield visible(f"  content {revision.content_hash}  raw {revision.raw_sha256}{edited}")
        if revision.fetch is not None:
            yield from _describe_fetch(revision.fetch)
        if before is not None:
            yield from _compare(session, before.text, revision.text)
        before = revision
    for text in post_reading.read_earlier_texts(reader, post.id):
        yield ""
        yield style(session, f"{files.text_heading(text, post.media)} replaced", "dim")
        yield from files.format_words(text)
    yield from _under_heading(
        session,
        "observations",
        (line for seen in lived.observations for line in _describe_observation(seen, zone)),
    )


def _describe_observation(seen: ObservationRow, zone: Zone) -> Iterator[str]:
    at = format_time(seen.at, zone, seconds=True)
    yield visible(f"{seen.presence} at {at}, by {seen.method}  {seen.detail or ''}").rstrip()
    if seen.fetch is not None:
        yield from _describe_fetch(seen.fetch)


def _compare(session: Session, before: str, after: str) -> Iterator[str]:
    """Removed and added lines, each with one line of context."""
    if before == after:
        yield "    the text is unchanged: media, links, poll or title changed"
        return
    for row in list(unified_diff(before.split("\n"), after.split("\n"), n=1, lineterm=""))[2:]:
        if row.startswith("@@"):
            continue
        safe = f"    {row[0]} {one_line(row[1:])}"
        yield style(session, safe, "red" if row[0] == "-" else "green") if row[0] in "-+" else safe


def _under_heading(session: Session, heading: str, rows: Iterator[str]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if number == 0:
            yield ""
            yield style(session, heading, "bold")
        yield f"  {row}"

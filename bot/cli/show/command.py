"""`communique show`: one post with its text, times, media, revisions, observations, matches and hashes."""

from collections.abc import Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

import click

from bot.cli.show import files
from bot.cli.terminal.output import Session, formats, line, styled, write_json
from bot.cli.terminal.times import Zone, shown, zone_option
from bot.documents.post import convert_zawgyi, history_json, post_json
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from storage.language import zawgyi
from storage.media import summary
from storage.posts import post_history
from storage.posts import reading as post_reading
from storage.records import Forward, PostRow, RevisionRow

if TYPE_CHECKING:
    from storage.archive.database import Reader

_LABEL = 10


@click.command("show")
@click.argument("key", metavar="POST")
@click.option("--history", is_flag=True, help="Every revision with what changed, and when it was seen or missed.")
@click.option("--raw", is_flag=True, help="The bytes as received, untouched, on stdout.")
@click.option("--yes", is_flag=True, help="Write raw bytes even to a terminal.")
@click.option("--open", "opens", is_flag=True, help="Where its files stand; on a terminal, open them.")
@zone_option
@formats(streams=False)
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
        raise UserError("raw bytes can drive a terminal: send them to a file (`> post.html`), or add --yes")
    with session.archive().reading() as reader:
        post = _named(reader, key)
        if opens:
            files.open_all(session, post, form)
        elif raw:
            import sys

            sys.stdout.buffer.write(post_reading.read_raw(reader, post.raw_sha256))
        elif form is not None:
            write_json(session, _document(reader, post, history=history))
        else:
            for row in _lines(session, reader, post, zone, history=history):
                line(session, row)


def _named(reader: "Reader", key: str) -> PostRow:
    post_id = post_reading.find_post(
        reader, key.encode(errors="replace").decode()
    )  # an argument may hold lone surrogates
    if post_id is None:
        raise UserError(f"no post {visible(key)!r}: give an id, SOURCE/NATIVE_ID or a URL that `search` shows")
    return post_reading.read_posts(reader, [post_id])[0]


def _document(reader: "Reader", post: PostRow, *, history: bool) -> dict[str, object]:
    document = post_json(post, summary.read_files_of_post(reader, post.id), post_history.read_matches(reader, post.id))
    if history:
        document |= history_json(
            post_history.read_history(reader, post.id), post_reading.read_earlier_texts(reader, post.id)
        )
    return document


def _lines(session: Session, reader: "Reader", post: PostRow, zone: Zone, *, history: bool) -> Iterator[str]:
    yield styled(session, one_line(f"{post.source}/{post.native_id}"), "bold")
    for label, value in _facts(post, zone):
        yield f"{styled(session, label.ljust(_LABEL), 'dim')} {visible(value)}"
    if post.title:
        yield ""
        yield styled(session, one_line(post.title), "bold")
    yield ""
    yield visible(post.text, newlines=True) or styled(session, "(no text)", "dim")
    yield from _in_unicode(session, convert_zawgyi(post))
    for text in post.texts:
        if text.kind not in {"body", "file"}:
            yield ""
            yield styled(session, files.heading(text, post.media), "dim")
            yield from files.words(text)
            yield from _in_unicode(session, zawgyi.convert(text.text) if zawgyi.is_zawgyi(text.text) else None)
    yield from _headed(session, "media", files.rows(reader, post, zone))
    yield from _headed(session, "links", (one_line(f"{link.text} -> {link.url}") for link in post.links))
    yield from _headed(session, "alerts", _matches(reader, post, zone))
    if history:
        yield from _history(session, reader, post, zone)
    elif post.revisions > 1:
        yield ""
        yield styled(session, f"{post.revisions} revisions: add --history to see what changed", "dim")


def _in_unicode(session: Session, reading: str | None) -> Iterator[str]:
    if reading is not None:
        yield ""
        yield styled(session, "[the same in Unicode; as written above, in the Zawgyi encoding]", "dim")
        yield visible(reading, newlines=True)


def _facts(post: PostRow, zone: Zone) -> Iterator[tuple[str, str]]:
    yield "id", str(post.id)
    if post.url:
        yield "address", post.url
    if post.author:
        yield "author", post.author
    yield "posted", shown(post.posted_at, zone, unknown=post.posted_raw or "no date", seconds=True)
    yield "collected", shown(post.collected_at, zone, seconds=True)
    if post.edited_at is not None:
        yield "edited", shown(post.edited_at, zone, seconds=True)
    if post.deleted_at is not None:
        yield "deleted", f"{shown(post.deleted_at, zone, seconds=True)} (absence established)"
    if post.forward is not None:
        yield "forwarded", _origin(post.forward)
    if post.reply_to:
        yield "reply to", post.reply_to
    yield "language", f"{post.language}, written in Zawgyi" if convert_zawgyi(post) is not None else post.language
    yield "revisions", str(post.revisions)
    yield "sha256", f"{post.raw_sha256} (as received)"


def _origin(forward: Forward) -> str:
    return "  ".join(part for part in (f"from {forward.name}", forward.url, forward.source, forward.post) if part)


def _matches(reader: "Reader", post: PostRow, zone: Zone) -> Iterator[str]:
    for match in post_history.read_matches(reader, post.id):
        yield visible(f"{shown(match.at, zone)}  {match.rule}  {match.kind}: {match.why}")
        for sent in match.deliveries:
            told = [sent.target, sent.state, shown(sent.settled_at, zone, unknown=""), sent.reason or ""]
            told += ["possible repeat"] if sent.possible_repeat else []
            yield visible("  " + "  ".join(part for part in told if part))


def _history(session: Session, reader: "Reader", post: PostRow, zone: Zone) -> Iterator[str]:
    lived = post_history.read_history(reader, post.id)
    before: RevisionRow | None = None
    for revision in lived.revisions:
        collected = shown(revision.collected_at, zone, seconds=True)
        edited = "" if revision.edited_at is None else f"  edited {shown(revision.edited_at, zone, seconds=True)}"
        yield ""
        yield styled(session, visible(f"revision {revision.number + 1}  {collected}, by {revision.method}"), "bold")
        yield visible(f"  content {revision.content_hash}  raw {revision.raw_sha256}{edited}")
        if before is not None:
            yield from _difference(session, before.text, revision.text)
        before = revision
    for text in post_reading.read_earlier_texts(reader, post.id):
        yield ""
        yield styled(session, f"{files.heading(text, post.media)} replaced", "dim")
        yield from files.words(text)
    yield from _headed(
        session,
        "observations",
        (
            visible(
                f"{seen.presence} at {shown(seen.at, zone, seconds=True)}, by {seen.method}  {seen.detail or ''}"
            ).rstrip()
            for seen in lived.observations
        ),
    )


def _difference(session: Session, before: str, after: str) -> Iterator[str]:
    """Lines taken away and lines added; what stayed is shown once around them."""
    if before == after:
        yield "    the words are the same: media, links, poll or title changed"
        return
    for row in list(unified_diff(before.split("\n"), after.split("\n"), n=1, lineterm=""))[2:]:
        if row.startswith("@@"):
            continue
        safe = f"    {row[0]} {one_line(row[1:])}"
        yield styled(session, safe, "red" if row[0] == "-" else "green") if row[0] in "-+" else safe


def _headed(session: Session, heading: str, rows: Iterator[str]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if number == 0:
            yield ""
            yield styled(session, heading, "bold")
        yield f"  {row}"

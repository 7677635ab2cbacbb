"""One post in a list: two lines that name it, and the words around each hit."""

from collections.abc import Iterator, Sequence

from bot.cli.terminal.output import Session, style, write_line, write_text
from bot.foreign.text import one_line, undated
from bot.listing.snippets import SnippetPart, cut_snippets
from bot.listing.times import Zone, format_time
from storage.rows import Hit, PostRow


def print_post(
    session: Session,
    post: PostRow,
    zone: Zone,
    hits: Sequence[Hit] = (),
    texts: dict[int, str] | None = None,
    *,
    highlight: bool | None = None,
) -> None:
    """Print the two lines of a post, its snippets, and an empty line."""
    for row in describe_post(session, post, zone):
        write_text(session, row, indent=4)
    for snippet in cut_snippets(post, hits, texts or {}):
        write_text(session, f"    {draw_snippet(session, snippet, highlight=highlight)}")
    write_line(session)


def describe_post(session: Session, post: PostRow, zone: Zone) -> Iterator[str]:
    """Two lines, source and times, id and address; and one more where rules have matched."""
    marks = [name for name, at in (("edited", post.edited_at), ("deleted", post.deleted_at)) if at is not None]
    times = (
        f"{format_time(post.posted_at, zone, unknown=undated(post.posted_raw))}  "
        f"collected {format_time(post.collected_at, zone)}"
    )
    state = "".join(f"  {style(session, mark, 'red')}" for mark in marks)
    yield f"{style(session, one_line(post.source), 'bold')}  {times}{state}"
    yield f"    {post.id}  {one_line(post.url or f'{post.source}/{post.native_id}')}"
    if post.rules:
        yield f"    matched by {one_line(', '.join(post.rules))}"


def draw_snippet(session: Session, pieces: Sequence[SnippetPart], *, highlight: bool | None) -> str:
    """One line: hits in bold where there is colour, in «…» where `highlight` is set and there is none."""
    words = []
    for piece in pieces:
        safe = one_line(piece.text)
        if piece.hit and highlight is not False and session.colour:
            safe = style(session, safe, "bold")
        elif piece.hit and highlight:
            safe = f"«{safe}»"
        words.append(safe)
    return "".join(words)

"""What kinds share that read page by page, from the newest post down: reading an answer, and how much is wanted."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Protocol, TypeVar

from bot.clock import SECOND
from bot.errors import Later
from bot.foreign.text import one_line
from storage.records import FetchedPost
from storage.state_names import UNREADABLE

T = TypeVar("T")
_SAID = 200  # letters of what is wrong with an answer


class HasPost(Protocol):
    """A piece of a page that has a post."""

    @property
    def post(self) -> FetchedPost: ...


P = TypeVar("P", bound=HasPost)


async def read_answer(read: Callable[[], T], where: str) -> T:
    """What `read` makes of an answer, in a thread of its own. Raises Later for what it refuses (ValueError)."""
    try:
        return await asyncio.to_thread(read)
    except ValueError as problem:
        said = one_line(str(problem))[:_SAID]
        raise Later(f"the answer of {where} cannot be read: {said}", state=UNREADABLE) from None


def choose_wanted(
    pieces: Sequence[P], amount: int | str, left: int | None, *, end: bool
) -> tuple[Sequence[P], bool, int | None]:
    """Of a page of the first contact, oldest first: what `backfill` wants, whether that is all, how many more it wants.

    `left` is how many the page above still wanted, None on the first page; `end` says that nothing is below.
    """
    if isinstance(amount, int):
        left = amount if left is None else left
        kept = pieces[len(pieces) - min(left, len(pieces)) :]
        return kept, end or left < len(pieces), left - len(kept)
    if amount == "all":
        return pieces, end, None
    since = int(datetime.combine(date.fromisoformat(amount), time(), UTC).timestamp()) * SECOND
    early = [n for n, one in enumerate(pieces) if one.post.posted_at is not None and one.post.posted_at < since]
    kept = pieces[early[-1] + 1 if early else 0 :]
    return kept, end or len(kept) < len(pieces), None

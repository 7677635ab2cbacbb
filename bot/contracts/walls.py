"""Pages that stand in the way of what was asked for: a failure that bears their name, the same for every kind."""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus

from bot.errors import Later
from bot.http import Reply
from storage.state_names import REFUSED, SIGN_IN_REQUIRED, SUBSCRIPTION_REQUIRED

REFUSALS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: SIGN_IN_REQUIRED,
    HTTPStatus.PAYMENT_REQUIRED: SUBSCRIPTION_REQUIRED,
    HTTPStatus.FORBIDDEN: REFUSED,
}
"""What a server says without a page."""

_HEAD = 1 << 18  # bytes; a wall says what it is in fewer
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)


async def check_wall(reply: Reply, where: str) -> None:
    """Raise Later, with the wall as its state, where a web page came that shows nothing but a wall.

    Whatever else the server says plainly is left to others: see `says_plainly`.
    """
    if says_plainly(reply) or _PAGE.match(reply.body[:_HEAD]) is None:
        return
    from bot.foreign.walls import find_wall

    wall = await asyncio.to_thread(lambda: find_wall(reply.body[:_HEAD].decode("utf-8", "replace")))
    if wall is not None:
        raise behind_wall(where, wall, reply.status)


def says_plainly(reply: Reply) -> bool:
    """Whether the status says what is the matter, whatever page came with it: to wait, or that nothing is there."""
    plain = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
    return reply.status in plain or (reply.status >= 400 and "retry-after" in reply.headers)


def behind_wall(where: str, wall: str, status: int = HTTPStatus.OK) -> Later:
    """The failure that a wall means."""
    answered = "" if status == HTTPStatus.OK else f" ({status})"
    return Later(f"{where} shows no words of its own{answered}: {wall}", state=wall)

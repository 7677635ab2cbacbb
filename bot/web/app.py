"""The reading room as one ASGI application: routes, answers to what goes wrong, and the guard around all of it."""

import re
import sys
import traceback
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from bot.foreign.text import visible
from bot.web.access.gate import NotLetIn
from bot.web.connections import cut_off
from bot.web.problems import PROBLEMS
from bot.web.routes import ROUTES
from bot.web.security import FrontDoor
from storage.archive.errors import ArchiveError
from storage.people.tokens import PREFIX

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bot.web.room import ReadingRoom

_SECRETS = re.compile(rf"(?<=/enter/).+|{PREFIX}[^/]+")  # what opens something for whoever reads the journal


def make_app(room: "ReadingRoom") -> "ASGIApp":
    """The application of one reading room."""
    app = Starlette(routes=list(ROUTES), exception_handlers=dict(PROBLEMS))
    app.router.redirect_slashes = False  # a page has one address
    app.state.room = room
    return Logged(FrontDoor(app, room))


class Logged:
    """Outermost: a bug has been answered with a page; its traceback goes to stderr with no letter that acts there.

    An answer that breaks off is cut off, so that nobody takes it for a whole one.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        begun = False

        async def sending(message: "Message") -> None:
            nonlocal begun
            begun = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as problem:
            if scope["type"] != "http":
                raise
            if begun:
                cut_off(scope)
            if not isinstance(problem.__cause__ or problem, ArchiveError | NotLetIn):
                _write_down(scope)


def _write_down(scope: "Scope") -> None:
    path = _SECRETS.sub("…", scope["path"])
    sys.stderr.write(f"{scope['method']} {visible(path)} failed:\n")
    sys.stderr.write(visible(traceback.format_exc(), newlines=True))

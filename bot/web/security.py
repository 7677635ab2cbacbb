"""What every answer says to a browser, and which requests are answered at all."""

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bot.web.room import ReadingRoom

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


def host_name(header: str) -> str:
    """The name in a Host header, in lower case, without its port and without the brackets of an IPv6 address."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].rstrip(".")


class FrontDoor:
    """Around the whole application: a foreign Host is refused, the viewer is written down, headers are added."""

    def __init__(self, app: "ASGIApp", room: "ReadingRoom") -> None:
        self._app = app
        self._room = room

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        hosts = self._room.hosts
        if hosts is not None and host_name(Headers(scope=scope).get("host", "")) not in hosts:
            # somebody else's name that leads here (DNS rebinding): a page of theirs must read nothing
            await PlainTextResponse("This address is not one of this server.\n", 421)(scope, receive, sending)
            return
        scope.setdefault("state", {})["viewer"] = self._room.owner
        await self._app(scope, receive, sending)

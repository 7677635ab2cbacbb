"""What every answer says to a browser, and which requests are answered at all."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse

from bot.web.access.forms import SAFE, BadForm, check_form, parse_form, read_body
from bot.web.access.gate import NotLetIn, is_still_let_in
from bot.web.api.refusals import FOR_PROGRAMS, problem_details
from bot.web.api.routes import is_taken
from bot.web.connections import cut_off
from bot.web.viewer import NOBODY
from storage.people.tokens import PREFIX

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bot.web.room import ReadingRoom
    from bot.web.viewer import Viewer

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:\[\]@/]+))(?::[0-9]{1,5})?")
_LOOK_S = 1.0
_CHANGED = "What you may read has changed while this was made: load it again."
OPEN_TO_ALL = ("/sign-in", "/enter", "/static/")  # whoever has not signed in sees these
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


def host_name(header: str) -> str:
    """The name in a Host header, in lower case, without its port and without the brackets of an IPv6 address; or ""."""
    found = _HOST.fullmatch(header.strip().lower())
    return "" if found is None else found[1] or found[2].rstrip(".")


def read_target(scope: "Scope") -> None:
    """A request may name a whole address, as to a proxy (RFC 9112, 3.2.2): then its host counts, whatever Host says."""
    scheme, found, rest = scope.get("raw_path", b"").partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):
        return
    host, _, path = rest.partition(b"/")
    scope["raw_path"] = b"/" + path
    scope["path"] = unquote((b"/" + path).decode("ascii"))
    scope["headers"] = [(b"host", host), *((name, value) for name, value in scope["headers"] if name != b"host")]


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
        read_target(scope)
        state = scope.setdefault("state", {})
        state |= {"viewer": NOBODY, "session": None, "form": {}, "form_secret": None, "new_form_secret": None}
        state["ask_again"] = None

        async def answering(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                if state["new_form_secret"] is not None:
                    headers.append("Set-Cookie", set_cookie(self._room, "form", state["new_form_secret"]))
            await send(message)

        is_replaced = False

        async def sending(message: "Message") -> None:
            nonlocal is_replaced
            if is_replaced:
                return
            # what changes something is answered by the rights at its beginning: signing out ends them
            begins = message["type"] == "http.response.start" and scope["method"] in SAFE
            if begins and not await rights.hold():
                is_replaced = True
                await _refuse(scope, 403, _CHANGED)(scope, receive, answering)
            elif message.get("more_body") and not await rights.hold():
                cut_off(scope)
            else:
                await answering(message)

        rights = _LastingRights(scope, self._room.clock.monotonic)
        refused = self._refuse_host(scope) or await self._let_in(scope)
        if refused is None and scope["method"] not in SAFE:
            try:
                receive = await _read_form(scope, receive)
            except BadForm as problem:
                # what nothing here takes, changes nothing: the router says which methods there are
                if problem.status != 403 or is_taken(scope):
                    refused = _refuse(scope, problem.status, str(problem), {"Connection": "close"})
        await (refused or self._app)(scope, receive, sending)

    def _refuse_host(self, scope: "Scope") -> "Response | None":
        hosts = self._room.hosts
        if hosts is None or host_name(Headers(scope=scope).get("host", "")) in hosts:
            return None
        # somebody else's name that leads here (DNS rebinding): a page of theirs must read nothing
        return PlainTextResponse("This address is not one of this server.\n", 421)

    async def _let_in(self, scope: "Scope") -> "Response | None":
        """Write down who asks; the answer for somebody who has to sign in first, or is refused."""
        gate, headers, state = self._room.gate, Headers(scope=scope), scope["state"]
        cookies = cookie_parser("; ".join(headers.getlist("cookie")))
        state["form_secret"] = cookies.get(cookie_name(self._room, "form"))
        if gate is None:
            state["viewer"] = self._room.owner
            return None
        peer = scope["client"][0] if scope.get("client") else ""
        try:
            shown = cookies.get(cookie_name(self._room, "session"))
            ask_again = partial(gate.find, headers, shown, peer, token_in(scope))
            caller = await ask_again()
        except NotLetIn as problem:
            return _refuse(scope, 403, str(problem))
        if caller is not None:
            state["viewer"], state["session"] = caller.viewer, caller.session
            state["form_secret"] = caller.session or state["form_secret"]
            state["by_token"] = caller.viewer.scope is not None
            state["ask_again"] = ask_again
            return _refuse_scope(caller.viewer, scope)
        if scope["path"].startswith(OPEN_TO_ALL):
            return None
        return _ask_to_sign_in(scope, headers)


class _LastingRights:
    """Whether who asked may still have the rest of an answer that takes long: looked at once in a while."""

    def __init__(self, scope: "Scope", monotonic: "Callable[[], float]") -> None:
        self._request = HTTPConnection(scope)
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._held = True

    async def hold(self) -> bool:
        """Whether they do; what did not hold once does not hold again."""
        if self._held and self._monotonic() - self._looked_at >= _LOOK_S:
            self._held = await is_still_let_in(self._request)
            self._looked_at = self._monotonic()
        return self._held


def cookie_name(room: "ReadingRoom", what: Literal["session", "form"]) -> str:
    """The name of a cookie of this reading room."""
    return f"{room.gate.door.cookie if room.gate else 'communique'}-{what}"


def set_cookie(room: "ReadingRoom", what: Literal["session", "form"], value: str, *, ends: bool = False) -> str:
    """The header that makes a browser keep a cookie, which no script reads and no other site sends."""
    secure = "; Secure" if room.gate is not None and room.gate.door.secure else ""
    age = "; Max-Age=0" if ends else "; Max-Age=2592000" if what == "session" else ""
    return f"{cookie_name(room, what)}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"


def token_in(scope: "Scope") -> str | None:
    """The token in the address of a feed: /feeds/TOKEN/… or ?token=TOKEN; None in any other address."""
    if not scope["path"].startswith("/feeds/"):
        return None
    first = scope["path"].removeprefix("/feeds/").partition("/")[0]
    return first if first.startswith(PREFIX) else QueryParams(scope.get("query_string", b"")).get("token")


def _refuse(scope: "Scope", status: int, sentence: str, headers: "Mapping[str, str] | None" = None) -> "Response":
    if scope["path"].startswith(FOR_PROGRAMS):
        return problem_details(status, sentence, headers=headers)
    return PlainTextResponse(f"{sentence}\n", status, headers)


def _refuse_scope(viewer: "Viewer", scope: "Scope") -> "Response | None":
    if viewer.scope == "feeds" and not scope["path"].startswith("/feeds/"):
        return _refuse(scope, 403, "This token opens feeds alone.")
    return None


def _ask_to_sign_in(scope: "Scope", headers: Headers) -> "Response":
    path = scope["path"]
    if path.startswith("/api/"):
        sentence = "Sign in, or send a token (Authorization: Bearer …)."
        return _refuse(scope, 401, sentence, {"WWW-Authenticate": "Bearer"})
    if path.startswith("/feeds/"):
        return _refuse(scope, 404, "There is no such feed.")
    if scope["method"] not in SAFE or headers.get("authorization"):
        return PlainTextResponse("Sign in first: /sign-in\n", 401, {"WWW-Authenticate": "Bearer"})
    query = scope.get("query_string", b"").decode("latin-1")
    to = quote(f"{path}?{query}" if query else path, safe="/")
    return RedirectResponse(f"/sign-in?to={to}" if to != "/" else "/sign-in", 303)


async def _read_form(scope: "Scope", receive: "Receive") -> "Receive":
    """Read what was sent, refuse what is no form of ours, and give the rest of the program the same body again."""
    headers, state = Headers(scope=scope), scope["state"]
    body = await read_body(receive, headers)
    state["form"] = parse_form(body, headers)
    if not state.get("by_token"):
        check_form(headers, state["form"], state["form_secret"])
    sent = False

    async def again() -> "Message":
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again

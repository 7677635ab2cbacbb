"""The pages on which people come and go: `/sign-in`, `/sign-out`, and `/enter`, the one-time address."""

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from bot.clock import SECOND
from bot.web.access.forms import form_of, own_address
from bot.web.access.gate import Gate
from bot.web.layout import page
from bot.web.room import room_of
from bot.web.security import set_cookie

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


_AHEAD = ("sec-purpose", "purpose", "x-purpose", "x-moz")  # by which browsers say that nobody has asked for it yet


async def show_sign_in(request: "Request") -> "Response":
    """Ask for a name and a password, or take them."""
    gate = _gate_of(request)
    if request.method != "POST":
        return await _ask(request, gate, own_address(request.query_params.get("to", "")))
    form = form_of(request)
    wanted = own_address(form.get("to", ""))
    peer = request.client.host if request.client else ""
    found = await gate.sign_in(
        form.get("name", ""), form.get("password", ""), gate.door.client_of(peer, request.headers)
    )
    if found.session is None:
        return await _ask(request, gate, wanted, wait=-(-found.wait // SECOND), failed=True)
    return _signed_in(request, wanted, found.session)


async def enter(request: "Request") -> "Response":
    """Let the user of this machine in by a one-time address; looking at it ahead of time does not use it up."""
    gate = _gate_of(request)
    looked = request.method == "HEAD" or any("prefetch" in request.headers.get(name, "") for name in _AHEAD)
    session = None if looked else await gate.enter(request.path_params["secret"])
    if session is None:
        return page(
            request, "sign_in.html", status=403, used=True, wanted="/", wait=0, failed=False, forms=False, local=True
        )
    return _signed_in(request, "/", session)


async def sign_out(request: "Request") -> "Response":
    """End the session of this browser."""
    gate = _gate_of(request)
    if request.state.session is not None:
        await gate.sign_out(request.state.session)
    answer = RedirectResponse("/sign-in", 303)
    answer.headers.append("Set-Cookie", set_cookie(room_of(request), "session", "", ends=True))
    return answer


async def _ask(
    request: "Request", gate: Gate, wanted: str, *, wait: int = 0, failed: bool = False, used: bool = False
) -> "Response":
    status = 429 if wait else 403 if failed or used else 200
    answer = page(
        request,
        "sign_in.html",
        status=status,
        used=used,
        wanted=wanted,
        wait=wait,
        failed=failed,
        forms=await gate.has_people() or not gate.door.local,
        local=gate.door.local,
    )
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _signed_in(request: "Request", wanted: str, session: str) -> "Response":
    answer = RedirectResponse(wanted, 303)
    answer.headers.append("Set-Cookie", set_cookie(room_of(request), "session", session))
    return answer


def _gate_of(request: "Request") -> Gate:
    gate = room_of(request).gate
    if gate is None:
        raise HTTPException(404)
    return gate

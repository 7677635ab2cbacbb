"""Forms that nobody else can send for a person: read whole within limits, and only with what their page gave."""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlsplit

from markupsafe import Markup
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.types import Receive

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD, HEADER = "form", "x-form"
_MOST_BYTES, _MOST_FIELDS = 65_536, 50
_PATIENCE_S = 20.0


class BadForm(Exception):
    """A form that is not read: the status of the answer, and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def csrf_field(request: "HTTPConnection") -> Markup:
    """The hidden field without which no form is taken; every form that changes something has it."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, form_token(request))


def own_address(to: str) -> str:
    """An address of this server that a form or a link names; the first page for any other."""
    ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() and to.isascii()
    return to if ours and not to.startswith(("/sign-", "/enter")) else "/"


def form_token(request: "HTTPConnection") -> str:
    """What the forms of this browser show."""
    state = request.state
    if state.form_secret is None:
        state.form_secret = state.new_form_secret = secrets.token_urlsafe(24)
    return _token_of(state.form_secret)


def form_of(request: "HTTPConnection") -> Mapping[str, str]:
    """The fields of the form that was sent."""
    return cast("Mapping[str, str]", request.state.form)


async def read_body(receive: "Receive", headers: Headers) -> bytes:
    """The whole body of a request. Raises BadForm for one that is too long or comes too slowly."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:12]) > _MOST_BYTES:
        raise BadForm(413, "That is more than a form has.")
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BadForm(400, "The rest of the form did not come.")
                body += message.get("body", b"")
                if len(body) > _MOST_BYTES:
                    raise BadForm(413, "That is more than a form has.")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise BadForm(408, "The form came too slowly.") from None


def parse_form(body: bytes, headers: Headers) -> dict[str, str]:
    """The fields of a form, {} of another body. Raises BadForm for fields that come twice."""
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        pairs = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadForm(400, "That is more than a form has.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadForm(400, "A field of the form came twice.")
    return found


def check_form(headers: Headers, form: Mapping[str, str], secret: str | None) -> None:
    """Refuse what another site may have sent. Raises BadForm."""
    site = headers.get("sec-fetch-site", "same-origin")
    origin = headers.get("origin", "null")  # as browsers send it, because no page of ours gives its address away
    foreign = origin != "null" and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    shown = form.get(FIELD) or headers.get(HEADER, "")
    right = secret is not None and hmac.compare_digest(shown.encode(), _token_of(secret).encode())
    if site not in ("same-origin", "none") or foreign or not right:
        raise BadForm(403, "This form is not from a page that you opened here, or it is too old: load its page again.")


def _token_of(secret: str) -> str:
    return sha256(f"form {secret}".encode()).hexdigest()

"""Alerts as signed JSON, or as a template makes them, to a web address (https://www.standardwebhooks.com)."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from functools import partial

from bot.alerts.targets.webhook.settings import Settings
from bot.alerts.targets.webhook.template import fill_template, read_template
from bot.clock import HOUR, SECOND, Clock
from bot.contracts.secrets import mask_secrets, read_secret
from bot.contracts.target import AT_ONCE, Message, Shows, TargetTools
from bot.errors import Later, Never
from bot.foreign.text import json_text
from bot.http import Http, Reply, check_busy
from bot.http.masking import secret_parts
from bot.http.spool import Spool


class Webhook:
    """One POST per delivery, with an id that stays the same, so that the receiver can ignore repeats.

    Several are under way at once, unless a pause is set between requests to the receiver's host.

    After 401, 403 and 410 a person must act, unless 401 or 403 names a time to come back. A receiver with another error
    may be misconfigured for an hour only: it is tried for 24 hours.
    """

    idempotent = True
    account = None
    chat = None

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self.settings = settings
        self.shows = Shows("json", words=settings.template_file is not None)
        self._http = http
        self._clock = clock

    @property
    def at_once(self) -> int:
        return 1 if any(map(self._http.has_pause, self.settings.addresses())) else AT_ONCE

    async def ready(self) -> None:
        """A receiver asks for a pause itself."""

    async def check(self) -> str:
        """Connect, and no more: any request could be taken for an alert."""
        url = self._url()
        try:
            async with asyncio.timeout(30):
                await self._http.touch(url)
        except TimeoutError:
            raise Later("the receiver did not answer within 30 s") from None
        except (Later, Never) as problem:
            raise mask_secrets(problem, *secret_parts(url)) from None
        return "the receiver can be reached"

    async def send(self, message: Message) -> None:
        url = self._url()
        body = await self._body(message)
        work = partial(self._signed, message.id, body)
        signed = await asyncio.to_thread(work) if isinstance(body, Spool) else work()
        headers = {"content-type": self.settings.content_type, **signed}
        try:
            reply = await self._http.post(url, content=body, headers=headers, deadline=30)
        except (Later, Never) as problem:
            raise mask_secrets(problem, *secret_parts(url)) from None
        if not reply.ok:
            raise self._problem(reply)

    def _problem(self, reply: Reply) -> Later | Never:
        if reply.status == 410:
            return Never("the receiver answered 410 Gone", remedy="change its url, or remove the target")
        busy = check_busy(reply, self._clock.now(), HOUR)
        if busy is not None:
            return busy
        if reply.status in (401, 403):
            remedy = f"check url and secret_file, then run `communique alerts test {self.settings.name}`"
            return Never(f"the receiver refuses access ({reply.status})", remedy=remedy)
        return Later(f"the receiver answered {reply.status}")

    def _url(self) -> str:
        return self.settings.url or (read_secret(self.settings.url_file) if self.settings.url_file else "")

    async def _body(self, message: Message) -> bytes | Spool:
        if self.settings.template_file is None:
            return message.body or json_text(message.document).encode()
        try:
            template = read_template(self.settings.template_file)
        except ValueError as problem:
            raise Never(f"its template cannot be used ({problem})", remedy="restore the file") from None
        return await fill_template(template, self.settings.content_type, message)

    def _signed(self, message_id: str, body: bytes | Spool) -> dict[str, str]:
        stamp = str(self._clock.now() // SECOND)
        headers = {"webhook-id": message_id, "webhook-timestamp": stamp}
        if self.settings.secret_file is not None:
            key = secret_key(read_secret(self.settings.secret_file))
            signed = hmac.new(key, f"{message_id}.{stamp}.".encode(), hashlib.sha256)
            for piece in body.pieces() if isinstance(body, Spool) else (body,):
                signed.update(piece)
            headers["webhook-signature"] = f"v1,{base64.b64encode(signed.digest()).decode()}"
        return headers


def secret_key(secret: str) -> bytes:
    """Bytes of a signing secret: base64 after "whsec_", otherwise the text itself. Raises Never for bad base64."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise Never("its secret is not base64 after whsec_", remedy="copy the secret again into secret_file") from None


def build(settings: Settings, surroundings: TargetTools) -> Webhook:
    """Make the target behind a checked `[[targets]]` entry."""
    return Webhook(settings, surroundings.http, surroundings.clock)

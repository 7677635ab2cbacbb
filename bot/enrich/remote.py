"""One request to the server of a remote engine: the key, the deadline, and what a refusal means."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bot.clock import Clock
from bot.contracts.engine import Never, Unfit
from bot.contracts.settings import SecretFile
from bot.errors import UserError
from bot.foreign import json
from bot.http import Http, HttpRules, Reply, check_busy

_REPLY_CAP = 8 << 20


def check_address(value: str) -> str:
    """Check the address of a server. Raises ValueError."""
    if not value.startswith(("http://", "https://")) or not value.isprintable() or " " in value:
        raise ValueError('expected an address such as "https://gpu.example:8000/v1"')
    return value.rstrip("/")


def ask(
    rules: HttpRules | None, url: str, content: bytes, headers: Mapping[str, str], key: str | None, *, deadline: float
) -> Reply:
    """POST `content` and wait for the reply, `deadline` in seconds. Raises Later if the server is down or busy."""

    async def post() -> Reply:
        assert rules is not None  # every remote engine gets them
        http = Http(rules, Clock())
        bearer = {"authorization": f"Bearer {key}"} if key else {}
        try:
            return await http.post(
                url, content=content, headers={**headers, **bearer}, cap=_REPLY_CAP, deadline=deadline
            )
        finally:
            await http.aclose()

    return asyncio.run(post())


def read_key(file: SecretFile | None) -> str | None:
    """The key in a file; None without a file. Raises Never, which names the file and never its content."""
    try:
        return file.read().strip() if file else None
    except UserError as problem:
        raise Never("the key cannot be read", remedy=str(problem)) from None


def read_reply(reply: Reply, key: str | None) -> dict[str, Any]:
    """The JSON object of a good reply.

    Raises Later if the server is busy, Never if it refuses us, Unfit if it refuses this file, and RuntimeError, which
    counts as a failure of the job, if it breaks or gives an invalid answer.
    """
    if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise Never(f"the server answers {reply.status}: it does not accept the key", remedy="check key_file")
    if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.PAYMENT_REQUIRED):
        why = error_text(reply, key) or HTTPStatus(reply.status).phrase
        raise Never(f"the server answers {reply.status}: {why}", remedy="check url and model")
    if reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise Unfit("the file is too large for the server")
    if reply.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # perhaps this file is the cause
        raise RuntimeError(f"the server answers 500: {error_text(reply, key)}")
    busy = check_busy(reply, Clock().now())
    if busy:
        raise busy
    if not reply.ok:
        raise Unfit(f"the server answers {reply.status}: {error_text(reply, key)}")
    found = _object(reply)
    if found is None:
        raise RuntimeError("the server's answer is not a JSON object")
    return found


def error_text(reply: Reply, key: str | None) -> str:
    """The server's own words about an error, cut, and without our key if it repeats that."""
    error = (_object(reply) or {}).get("error")
    words = error.get("message") if isinstance(error, dict) else error
    text = words if isinstance(words, str) else reply.body.decode("utf-8", "replace")
    text = text.replace(key, "***") if key else text  # before the cut, which would leave a part of it
    return " ".join(text.split())[:200]


def _object(reply: Reply) -> dict[str, Any] | None:
    try:
        found = json.read(reply.body.decode("utf-8"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

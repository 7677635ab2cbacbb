"""One question to a server that an engine stands behind: its key, its patience, and what its refusals mean."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bot.clock import Clock
from bot.contracts.engine import Never, Unfit
from bot.contracts.settings import SecretFile
from bot.errors import UserError
from bot.foreign import json
from bot.http import Http, HttpRules, Reply, waits

_REPLY_CAP = 8 << 20


def ask(
    rules: HttpRules | None, url: str, content: bytes, headers: Mapping[str, str], key: str | None, *, deadline: float
) -> Reply:
    """POST `content` and wait for the reply, `deadline` in seconds. Raises Later where the server is down or busy."""

    async def posted() -> Reply:
        assert rules is not None  # remote engines are given the rules
        http = Http(rules, Clock())
        bearer = {"authorization": f"Bearer {key}"} if key else {}
        try:
            return await http.post(
                url, content=content, headers={**headers, **bearer}, cap=_REPLY_CAP, deadline=deadline
            )
        finally:
            await http.aclose()

    return asyncio.run(posted())


def secret(file: SecretFile | None) -> str | None:
    """The key in a file; None where there is no file. Raises Never, which names the file and not its content."""
    try:
        return file.read().strip() if file else None
    except UserError as problem:
        raise Never("its key cannot be read", remedy=str(problem)) from None


def understood(reply: Reply, key: str | None) -> dict[str, Any]:
    """The JSON object of a good reply.

    Raises Later for a server that is busy, Never for one that refuses us, Unfit for one that refuses this file, and
    RuntimeError, which counts as a failure of the job, for one that fails on it or answers nonsense.
    """
    if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise Never(f"the server answers {reply.status}: it does not accept the key", remedy="look at key_file")
    if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.PAYMENT_REQUIRED):
        why = said(reply, key) or HTTPStatus(reply.status).phrase
        raise Never(f"the server answers {reply.status}: {why}", remedy="look at url and model")
    if reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise Unfit("the server takes no file of that size")
    if reply.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # it may be this file that breaks it
        raise RuntimeError(f"the server answers 500: {said(reply, key)}")
    busy = waits(reply, Clock().now())
    if busy:
        raise busy
    if not reply.ok:
        raise Unfit(f"the server answers {reply.status}: {said(reply, key)}")
    found = _object(reply)
    if found is None:
        raise RuntimeError("the server's answer is not the JSON object that it should be")
    return found


def said(reply: Reply, key: str | None) -> str:
    """What the server says of a refusal, cut, and without our key should it repeat that."""
    error = (_object(reply) or {}).get("error")
    words = error.get("message") if isinstance(error, dict) else error
    text = words if isinstance(words, str) else reply.body[:300].decode("utf-8", "replace")
    text = " ".join(text.split())[:200]
    return text.replace(key, "***") if key else text


def _object(reply: Reply) -> dict[str, Any] | None:
    try:
        found = json.read(reply.body.decode("utf-8"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

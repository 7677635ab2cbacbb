"""The Bot API as the answering bot uses it (https://core.telegram.org/bots/api#making-requests)."""

import json
import re
from typing import Any

from bot.clock import DAY, SECOND, Clock
from bot.contracts.secrets import mask_secrets, read_secret
from bot.contracts.target import BotAccess
from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from bot.http import Http, check_busy
from bot.http.masking import strike_secrets

_TOKEN = re.compile(r"([0-9]{1,20}):[A-Za-z0-9_-]{1,200}")
_CAP = 16 << 20  # of one answer: a hundred updates of the largest size


class Conflict(Later):
    """409: somebody else hears what people say to this bot; our own requests work."""


class RefusedRequest(Never):
    """400 and 403: this one request; the bot itself works."""


class BotApi:
    """The methods of one bot. The token is read again for each request, so that a new one counts at once."""

    def __init__(self, http: Http, clock: Clock, access: BotAccess) -> None:
        self._http = http
        self._clock = clock
        self._access = access

    def bot(self) -> str:
        """The public number of the bot. Raises Never where the file holds no token."""
        return self._token().partition(":")[0]

    async def call(self, method: str, request: dict[str, object], *, deadline: float = 30) -> Any:
        """The result of one method. Raises Later, Conflict, RefusedRequest, and Never for the token."""
        token = self._token()
        secrets = token, token.partition(":")[2]
        try:
            reply = await self._http.post(
                f"{self._access.api_base.rstrip('/')}/bot{token}/{method}",
                content=json.dumps(request).encode(),
                headers={"content-type": "application/json"},
                deadline=deadline,
                cap=_CAP,
            )
        except (Later, Never) as problem:
            raise mask_secrets(problem, *secrets) from None
        answer = _table(reply.body)
        if reply.ok and answer.get("ok") is True:
            return answer.get("result")
        said = clip(one_line(strike_secrets(str(answer.get("description", ""))[:1000], *secrets)), 200)
        raise self._problem(reply.status, said or f"status {reply.status}", answer, check_busy(reply, 0))

    def _token(self) -> str:
        token = read_secret(self._access.token_file)
        if not _TOKEN.fullmatch(token):
            where = self._access.token_file.path
            raise Never(f"{where} holds no bot token", remedy="write the token of @BotFather to it")
        return token

    def _problem(self, status: int, said: str, answer: dict[str, Any], busy: Later | None) -> Later | Never:
        more = answer.get("parameters")
        wait = more.get("retry_after") if isinstance(more, dict) else None
        if status == 429 and isinstance(wait, int) and wait >= 0:
            until = self._clock.now() + min(wait * SECOND, DAY)
            return Later(f"Telegram asks to wait {wait} s", retry_at=until, obey=True)
        if busy is not None or not answer:
            return Later(busy.reason if busy else f"something else answered in Telegram's place with status {status}")
        if status == 409:
            return Conflict(said)
        if status in {401, 404}:
            return Never(f"Telegram refuses the token ({said})", remedy=f"renew {self._access.token_file.path}")
        return RefusedRequest(said) if status in {400, 403} else Later(f"Telegram answered {status}: {said}")


def _table(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}

"""Signing in: by the code that Telegram sends or a QR code, with the second password if there is one; signing out."""

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from telethon import errors
from telethon import password as second_password
from telethon.tl import functions, types

from bot.clock import SECOND, Clock
from bot.errors import CommuniqueError, Later, Never
from bot.telegram import session as sessions
from bot.telegram.budget import method_name
from bot.telegram.client import Access, build_client, call_within, disconnect, session_of
from bot.telegram.refusals import AccountDead, translate_error
from storage.state_names import ENDED_AT_TELEGRAM, NOT_SIGNED_IN, NOT_SUPPORTED

_DEADLINE_S = 30.0
_TRIES = 3
_QR_S = (3, 30)  # shortest and longest time that one QR code is shown, whatever the clocks say
_SHORTEST, _LONGEST = 5, 15  # digits of a telephone number with its country
_T = TypeVar("_T")

Ask = Callable[[str], Awaitable[str | None]]  # a question; None: no answer is possible

_WRONG: dict[type[Exception], str] = {
    errors.PhoneCodeInvalidError: "the code is wrong",
    errors.PhoneCodeEmptyError: "no code was given",
    errors.PasswordHashInvalidError: "the password is wrong",
}
_NO_NUMBER = "Telegram does not know this number: include the country code, +95 9 …"
_WAYS: dict[type[Any], str] = {
    types.auth.SentCodeTypeApp: "the Telegram application",
    types.auth.SentCodeTypeEmailCode: "e-mail",
    types.auth.SentCodeTypeCall: "a call",
    types.auth.SentCodeTypeFlashCall: "a call",
    types.auth.SentCodeTypeMissedCall: "a call: its last digits",
    types.auth.SentCodeTypeFragmentSms: "Fragment",
}
_REFUSED: dict[type[Exception], str] = {
    errors.PhoneNumberInvalidError: _NO_NUMBER,
    errors.PhoneNumberBannedError: "Telegram has banned this number",
    errors.PhoneNumberUnoccupiedError: "there is no account with this number",
    errors.PhoneNumberFloodError: "too many codes were requested for this number: try tomorrow",
    errors.PhoneCodeExpiredError: "the code has expired: start again",
    errors.PhonePasswordFloodError: "too many wrong passwords: try tomorrow",
    errors.PhoneNumberAppSignupForbiddenError: "there is no account with this number",
}


class Login:
    """One sign-in. Every method raises Never with the reason, and Later where Telegram cannot be reached."""

    def __init__(self, access: Access, clock: Clock, ask: Ask) -> None:
        self._access = access
        self._clock = clock
        self._ask = ask
        self._accepted = asyncio.Event()
        self._client: Any = build_client(access, None, lambda _: None, self._heard)

    async def __aenter__(self) -> Self:
        try:
            await self._within(self._client.connect(), "connecting")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await disconnect(self._client)

    async def by_code(self, phone: str) -> sessions.SessionKey:
        """Ask Telegram to send a code, and the person for it. Of the number only the digits count."""
        number = "".join(one for one in phone if one.isdecimal())
        if not _SHORTEST <= len(number) <= _LONGEST:
            raise _never(_NO_NUMBER)
        sent = await self._call(
            functions.auth.SendCodeRequest(number, self._access.api_id, self._access.api_hash, types.CodeSettings())
        )
        if isinstance(sent, types.auth.SentCodeSuccess):
            return await self._session(sent.authorization)
        way = getattr(sent, "type", None)
        if way is None or isinstance(way, types.auth.SentCodeTypeSetUpEmailRequired):
            raise _never("Telegram sends no code to this number: sign in once in a Telegram application, then use --qr")
        where = _WAYS.get(type(way), "a message")
        for left in range(_TRIES, 0, -1):
            code = await self._answer(f"the code that came by {where}")
            try:
                found = await self._call(functions.auth.SignInRequest(number, sent.phone_code_hash, code))
            except _Wrong as wrong:
                if not await self._may_try_again(left, wrong):
                    raise
            except _NeedsPassword:
                return await self._by_password()
            else:
                if isinstance(found, types.auth.AuthorizationSignUpRequired):
                    raise _never("there is no account with this number: create one in a Telegram application first")
                return await self._session(found)
        raise AssertionError

    async def by_qr(self, show: Callable[[str], None]) -> sessions.SessionKey:
        """Show codes until somebody scans one with a telephone; a new one comes whenever the old has expired."""
        ask = functions.auth.ExportLoginTokenRequest(self._access.api_id, self._access.api_hash, [])
        shown = b""
        try:
            while True:
                self._accepted.clear()
                token = await self._call(ask)
                if isinstance(token, types.auth.LoginTokenMigrateTo):
                    await self._within(self._client._switch_dc(token.dc_id), "connecting")  # noqa: SLF001 - no other way
                    token = await self._call(functions.auth.ImportLoginTokenRequest(token.token))
                if isinstance(token, types.auth.LoginTokenSuccess):
                    return await self._session(token.authorization)
                if token.token != shown:
                    shown = token.token
                    encoded = base64.urlsafe_b64encode(shown).decode().rstrip("=")
                    show(f"tg://login?token={encoded}")
                left = token.expires.timestamp() - self._clock.now() / SECOND
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(max(left, _QR_S[0]), _QR_S[1])):
                        await self._accepted.wait()
        except _NeedsPassword:
            return await self._by_password()

    async def _by_password(self) -> sessions.SessionKey:
        for left in range(_TRIES, 0, -1):
            asked = await self._call(functions.account.GetPasswordRequest())
            hint = f" (hint: {asked.hint})" if asked.hint else ""
            given = await self._answer(f"the second password of the account{hint}")
            with self._read("the server's question for the password"):
                proof = await asyncio.to_thread(second_password.compute_check, asked, given)
            try:
                return await self._session(await self._call(functions.auth.CheckPasswordRequest(proof)))
            except _Wrong as wrong:
                if not await self._may_try_again(left, wrong):
                    raise
        raise AssertionError

    async def _may_try_again(self, left: int, wrong: "_Wrong") -> bool:
        return left > 1 and await self._ask(f"!{wrong.reason}") is not None

    async def _answer(self, question: str) -> str:
        given = await self._ask(question)
        if not given:
            raise _never(f"{question.partition(' (')[0]} was not given")
        return given.strip()

    async def _session(self, authorization: Any) -> sessions.SessionKey:
        user = authorization.user
        name = " ".join(part for part in (user.first_name, user.last_name) if part)
        return session_of(self._client, user=str(user.id), name=name, host=sessions.this_host())

    def _heard(self, update: Any) -> None:
        if isinstance(getattr(update, "update", None), types.UpdateLoginToken) or any(
            isinstance(one, types.UpdateLoginToken) for one in getattr(update, "updates", ())
        ):
            self._accepted.set()

    async def _call(self, request: Any) -> Any:
        return await self._within(self._client(request), f"signing in ({method_name(request)})")

    async def _within(self, asked: Awaitable[_T], what: str) -> _T:
        with self._read(what):
            return await call_within(asked, _DEADLINE_S)

    @contextmanager
    def _read(self, what: str) -> Iterator[None]:
        """Turn every failure into Later or Never."""
        try:
            yield
        except errors.SessionPasswordNeededError:
            raise _NeedsPassword("the account has a second password") from None
        except tuple(_WRONG) as wrong:
            raise _Wrong(_WRONG[type(wrong)], state=NOT_SIGNED_IN) from None
        except tuple(_REFUSED) as refused:
            raise _never(_REFUSED[type(refused)]) from None
        except CommuniqueError:
            raise
        except Exception as problem:
            raise _with_end_of_wait(translate_error(problem, what, self._clock.now())) from problem


class _Wrong(Never):
    """What the person typed is not right; it may be tried again."""


class _NeedsPassword(Never):
    """The code was right, and the account has a second password."""


def _with_end_of_wait(problem: Later | Never) -> Later | Never:
    """Add its end to a wait that Telegram asked for: signing in does not wait."""
    if isinstance(problem, Later) and problem.obey and problem.retry_at is not None:
        end = datetime.fromtimestamp(problem.retry_at // SECOND, UTC)
        return Later(f"{problem}: try again after {end:%Y-%m-%d %H:%M} UTC", state=problem.state)
    return problem


def _never(reason: str) -> Never:
    return Never(reason, state=NOT_SIGNED_IN)


async def log_out(access: Access, path: Path, clock: Clock) -> None:
    """End the session at Telegram and remove its file, which goes whatever Telegram says. Raises Later and Never."""
    found = sessions.read(path)
    if found is None:
        raise _never("not signed in")
    try:
        await end_session(access, path, found, clock)
    except (Later, Never) as problem:
        raise _removed_here(problem) from problem
    finally:
        sessions.remove(path)


async def end_session(access: Access, path: Path, found: sessions.SessionKey, clock: Clock) -> None:
    """End a session at Telegram, which need not be asked for one that it has ended itself. Raises Later and Never."""
    if sessions.read_ended(path, found) is None:
        await _ask_once(access, path, found, functions.auth.LogOutRequest(), clock)


async def ask_state(access: Access, path: Path, found: sessions.SessionKey, clock: Clock) -> None:
    """Ask Telegram whether it knows the session. Raises Later where it cannot be asked, Never for the end of it."""
    ended = sessions.read_ended(path, found)
    if ended is not None:
        raise AccountDead(ended.reason, remedy=ended.remedy, state=ended.state)
    try:
        await _ask_once(access, path, found, functions.users.GetUsersRequest([types.InputUserSelf()]), clock)
    except Later as problem:
        if not problem.obey and problem.state != NOT_SUPPORTED:  # else it has answered, and knows the key
            raise


async def _ask_once(access: Access, path: Path, found: sessions.SessionKey, request: Any, clock: Clock) -> None:
    client = build_client(access, found, lambda _: None, lambda _: None)
    try:
        await call_within(client.connect(), _DEADLINE_S)
        await call_within(client(request), _DEADLINE_S)
    except Exception as problem:
        refused = translate_error(problem, method_name(request), clock.now())
        if isinstance(refused, AccountDead) and refused.state in ENDED_AT_TELEGRAM:
            sessions.mark_ended(path, found, refused.state, refused.reason, refused.remedy)
        raise refused from problem
    finally:
        await disconnect(client)


def _removed_here(problem: Later | Never) -> Never:
    return _never(f"the session file was removed here, but the session could not be ended at Telegram: {problem}")

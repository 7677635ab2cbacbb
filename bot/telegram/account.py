"""The one connection of the account: calls with deadlines, probes, reconnecting; no call once the account is dead."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from telethon.tl import functions, types

from bot.clock import Clock
from bot.errors import AlreadyRunning, CommuniqueError, Later, Never, UserError
from bot.telegram import session as sessions
from bot.telegram.budget import Budget, HistoryPace, Memory, method_name
from bot.telegram.client import Access, Hint, build_client, call_data_centre, call_within, disconnect
from bot.telegram.refusals import AccountDead, AccountUnavailable, another_method_may_work, translate_error
from bot.telegram.session import SessionKey
from bot.telegram.waiting import Patience, wait_for_end, wait_for_first
from bot.telegram.warnings import AccountWarning, AccountWarnings
from storage import state_names as states
from storage.frozen import dataclass

SIGN_IN = "sign in with `communique login`"
_PROBES = (
    functions.updates.GetStateRequest(),
    functions.users.GetUsersRequest([types.InputUserSelf()]),
    functions.help.GetConfigRequest(),
)


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The account's state; `dead` means that no call may be made."""

    state: str
    reason: str = ""
    remedy: str = ""
    dead: bool = False


class Account:
    """One account, one connection, one process. `on_connected` is awaited whenever a connection is made."""

    def __init__(
        self,
        access: Access,
        path: Path,
        memory: Memory,
        clock: Clock,
        speak: Callable[[str], None],
        *,
        patience: Patience | None = None,
        jitter: Callable[[], float] = random.random,
        by_the_hour: dict[str, int] | None = None,
        name: str = "",
    ) -> None:
        self.name = name  # in the config, empty if it is the only one
        self._label = f"telegram {name}" if name else "telegram"
        self.access = access
        self.on_hint: Callable[[Hint], None] = lambda _: None
        self.on_connected: Callable[[], Awaitable[None]] = _do_nothing
        self.memory = memory
        self.status = AccountStatus(states.CONNECTING)
        self._user = ""
        self._path = path
        self._clock = clock
        self._speak = speak
        self._patience = patience or Patience()
        self._jitter = jitter
        self._budget = Budget(memory, clock, by_the_hour)
        self.history_pace = HistoryPace(clock, *self._patience.history)
        self._client: Any = None
        self._lanes: dict[str, asyncio.Lock] = {}
        self._ready = asyncio.Event()
        self._state_known = asyncio.Event()  # set once it is known that there is nothing to wait for
        self._probe_now = asyncio.Event()
        self._lost_at: float | None = clock.monotonic()
        self._was_up = False
        self._shown: SessionKey | None = None  # the last that Telegram saw
        self._probing: Any = None  # the probe that this server answers, once it is known
        self._warnings = AccountWarnings()
        self._unreported: list[AccountWarning] = []
        self._loss = ""  # the state in which the connection has been away for long

    # Calls ------------------------------------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """The user id of the account, to which what it has learnt belongs. Empty if not signed in."""
        if not self._user:
            with contextlib.suppress(UserError):
                found = sessions.read(self._path)
                self._user = found.user if found else ""
        return self._user

    @property
    def sign_in(self) -> object:
        """What changes with every sign-in, of the same account too."""
        return sessions.stamp(self._path)

    @property
    def lost_for(self) -> float:
        """Seconds since there was a connection, 0 while there is one."""
        return 0.0 if self._lost_at is None else self._clock.monotonic() - self._lost_at

    async def call(self, request: Any, *, deadline: float | None = None, dc: int = 0) -> Any:
        """Ask Telegram one thing, another data centre if `dc` names one.

        Raises Later and Never (AccountDead for the end of the account), nothing else.
        """
        method = method_name(request)
        self._expect_alive()
        async with self._lane(method):
            client = await self._connection()
            await self._budget.allow(method)
            self._expect_alive()  # it may have ended while this call waited for another
            try:
                reply = client(request) if dc in (0, client.session.dc_id) else call_data_centre(client, request, dc)
                return await call_within(reply, self._patience.call if deadline is None else deadline)
            except Exception as problem:  # noqa: BLE001 - whatever Telethon raises becomes ours here, at the edge
                refused = translate_error(problem, method, self._clock.now())
            await self._act_on(refused, method)
            raise refused

    def _expect_alive(self) -> None:
        if self.status.dead:
            raise AccountDead(self.status.reason, remedy=self.status.remedy, state=self.status.state)

    @asynccontextmanager
    async def _lane(self, method: str) -> AsyncIterator[None]:
        """One at a time of each method: waits are by method, and a call that is under way when one begins breaks it.

        A call that is not answered soon holds up no other.
        """
        lock = self._lanes.setdefault(method, asyncio.Lock())
        try:
            async with asyncio.timeout(self._patience.lane):
                await lock.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            lock.release()

    async def _act_on(self, refused: Later | Never, method: str) -> None:
        if isinstance(refused, AccountDead):
            await self._end(refused)
        elif isinstance(refused, Later) and refused.obey and refused.retry_at is not None:
            await self._budget.wait(method, refused.retry_at)
        elif refused.state == states.CLIENT_OUTDATED:
            self._note_unreadable()
        elif isinstance(refused, Later) and refused.unsure:
            self._probe_now.set()

    async def _connection(self) -> Any:
        if not self._ready.is_set():
            if not self._state_known.is_set():
                await wait_for_first((self._ready.wait(), self._state_known.wait()), self._patience.readiness)
            self._expect_alive()
            if not self._ready.is_set():
                raise AccountUnavailable(self.status.reason or "connecting to Telegram", state=self.status.state)
        return self._client

    # Supervision ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep connected until cancelled; wait where there is no session, or a dead one, for another to be written."""
        failures = 0
        while True:
            seen = sessions.stamp(self._path)
            try:
                found = sessions.read(self._path)
                if found is None:
                    await self._set_status(
                        AccountStatus(states.NOT_SIGNED_IN, "no Telegram account is signed in", SIGN_IN, dead=True)
                    )
                elif (ended := await self._ended(found, seen)) is not None:
                    await self._set_status(ended)
                else:
                    failures = await self._hold(found, failures)
                    await self._report_loss()
            except UserError as problem:
                await self._set_status(AccountStatus(states.SESSION_UNUSABLE, str(problem), dead=True))
            if self.status.dead:
                await self._wait_for_another_session(seen)
                failures = 0
                await self._set_status(AccountStatus(states.CONNECTING))
            else:
                shortest, longest = self._patience.back_off
                pause = min(shortest * 2 ** min(failures, 12), longest)
                await asyncio.sleep(pause * (0.5 + self._jitter() / 2))

    async def _ended(self, found: SessionKey, seen: tuple[int, int] | None) -> AccountStatus | None:
        """How this session ended for good: its key is not shown to Telegram again."""
        ended = sessions.read_ended(self._path, found)
        if ended is not None:
            return AccountStatus(ended.state, ended.reason, ended.remedy, dead=True)
        if self._shown is not None and self._shown.key != found.key:
            return None  # another sign-in than the one that ended, even if both happened at the same moment
        row = await self.memory.read_account()
        if row is None or row.state not in states.ENDED_AT_TELEGRAM or seen is None:
            return None
        written_before = seen[1] // 1_000 <= row.state_since <= self._clock.now()
        return AccountStatus(row.state, row.reason or "", row.remedy or "", dead=True) if written_before else None

    async def _hold(self, found: SessionKey, failures: int) -> int:
        """One connection from its beginning to its end; how many in a row could not be made."""
        try:
            with sessions.SessionLock(self._path):
                await self._stay_connected(found)
        except AccountDead as dead:
            await self._end(dead)
        except AlreadyRunning as held:
            await self._set_status(AccountStatus(states.SESSION_IN_USE, str(held)))
            return failures + 1
        except Never as problem:
            await self._set_status(AccountStatus(problem.state, str(problem), dead=True))
        except Later as problem:
            state = (
                problem.state if problem.state in (states.PROXY_DOWN, states.CLIENT_OUTDATED) else states.UNREACHABLE
            )
            await self._set_status(AccountStatus(state, str(problem)))
            return 0 if self._was_up else failures + 1
        return 0

    async def _stay_connected(self, found: SessionKey) -> None:
        self._was_up, self._user, self._shown = False, found.user, found
        client = build_client(
            *(self.access, found, self.on_hint, lambda _: None),
            on_unreadable=self._note_unreadable,
            hello_s=self._patience.probe,
        )
        try:
            try:
                await call_within(client.connect(), self._patience.connect)
                await self._probe(client)
            except CommuniqueError:
                raise
            except Exception as problem:
                raise translate_error(problem, "connecting", self._clock.now()) from problem
            self._client, self._was_up = client, True
            self._lost_at = None
            self._ready.set()
            await self._set_status(AccountStatus(states.CONNECTED, self._warnings.reason), user=found.user)
            if self._loss:
                self._note(
                    AccountWarning("telegram account", f"the Telegram account is connected again (was: {self._loss})")
                )
                self._loss = ""
            await self._report_warnings()
            await self.on_connected()
            await self._watch(client)
        finally:
            self._ready.clear()
            self._client = None
            self._lost_at = self._clock.monotonic() if self._lost_at is None else self._lost_at
            await disconnect(client)

    async def _watch(self, client: Any) -> None:
        """Return when the connection is lost or does not answer any more; raise AccountDead if a probe says so."""
        misses = 0
        lost = asyncio.ensure_future(wait_for_end(client))
        try:
            while misses < self._patience.misses:
                if misses == 0:
                    await wait_for_first((asyncio.shield(lost), self._probe_now.wait()), self._patience.probe_every)
                self._probe_now.clear()
                if lost.done():
                    problem = lost.result() or ConnectionError("it was closed")
                    raise translate_error(problem, "the connection", self._clock.now())
                self._expect_alive()
                try:
                    await self._probe(client)
                    misses = 0
                except Later as problem:
                    misses = misses + 1 if problem.unsure else 0
                await self._report_warnings()
            raise Later(f"Telegram did not answer {misses} times", state=states.NO_ANSWER)
        finally:
            lost.cancel()
            await asyncio.gather(lost, return_exceptions=True)

    async def _probe(self, client: Any) -> None:
        """Ask what any account may ask, by the first method that this server has an answer to.

        Raises Later (`unsure` if nothing came back) and AccountDead.
        """
        unanswered: Later | None = None
        for probe in _PROBES if self._probing is None else (self._probing,):
            try:
                await self._ask(client, probe)
            except Later as problem:
                if not another_method_may_work(problem):
                    raise
                unanswered = problem
                if problem.state == states.NOT_SUPPORTED:
                    self._probing = None
            else:
                self._probing = probe
                return
        if unanswered is not None and unanswered.unsure:
            raise unanswered

    async def _ask(self, client: Any, probe: Any) -> None:
        try:
            await self._budget.allow(method_name(probe))
            reply = await call_within(client(probe), self._patience.probe)
        except Exception as problem:
            refused = translate_error(problem, method_name(probe), self._clock.now())
            if isinstance(refused, Later) and refused.obey:
                if refused.retry_at is not None:
                    await self._budget.wait(method_name(probe), refused.retry_at)
                return  # it answers, if only to say that it is asked too often
            if refused.state == states.CLIENT_OUTDATED:
                self._note_unreadable()
            raise refused from problem
        if isinstance(date := getattr(reply, "date", None), datetime):
            self._note(self._warnings.compare_clock(date, self._clock.now()))

    async def _report_loss(self) -> None:
        """Report once that the connection has been away for long, instead of once for each of its sources."""
        if not self._loss and self.status.state in states.LOST and self.lost_for > self._patience.loss:
            self._loss = self.status.state
            sentence = f"the Telegram account has been {self._loss} for more than a minute: {self.status.reason}"
            self._note(AccountWarning("telegram account", sentence))
            await self._report_warnings()

    # Warnings ---------------------------------------------------------------------------------------------------------

    def _note_unreadable(self) -> None:
        """An update came that cannot be read; it is reported soon."""
        self._note(self._warnings.note_unreadable())
        if self._unreported:
            self._probe_now.set()

    def _note(self, warning: AccountWarning | None) -> None:
        if warning is not None:
            self._unreported.append(warning)

    async def _report_warnings(self) -> None:
        """Report warnings that began or ended; those in force are shown beside the account's state."""
        while self._unreported:
            warning = self._unreported.pop(0)
            self._speak(f"{self._label}: {warning.sentence}")
            await self.memory.add_notice(warning.about, warning.sentence, once=warning.once)
            if self.status.state == states.CONNECTED:
                await self._set_status(AccountStatus(states.CONNECTED, self._warnings.reason))

    # The state --------------------------------------------------------------------------------------------------------

    async def _end(self, dead: AccountDead) -> None:
        """Close the connection and make no more calls; only another session file brings the account back."""
        self._loss = ""
        if self._shown is not None and dead.state in states.ENDED_AT_TELEGRAM:
            sessions.mark_ended(self._path, self._shown, dead.state, dead.reason, dead.remedy)
        if not self.status.dead:
            await self._set_status(AccountStatus(dead.state, dead.reason, dead.remedy, dead=True))
        self._probe_now.set()

    async def _set_status(self, status: AccountStatus, user: str | None = None) -> None:
        changed = status.state != self.status.state
        self.status = status
        if status.state == states.CONNECTING:
            self._state_known.clear()
        else:
            self._state_known.set()
        if changed or status.state == states.CONNECTED:
            saving = self.memory.save_status(status.state, status.reason or None, status.remedy or None, user)
            await asyncio.shield(saving)  # written even if the round that found it is cancelled
            if changed:
                reason = f": {status.reason}" if status.reason else ""
                remedy = f"; {status.remedy}" if status.remedy else ""
                self._speak(f"{self._label}: {status.state}{reason}{remedy}")

    async def _wait_for_another_session(self, seen: tuple[int, int] | None) -> None:
        while sessions.stamp(self._path) == seen:  # noqa: ASYNC110 - a file that another process writes is no event
            await asyncio.sleep(self._patience.look)

    async def ask(self) -> str:
        """What Telegram says of the account now. Raises Later where it cannot be asked, Never for the end of it."""
        try:
            await self.call(functions.users.GetUsersRequest([types.InputUserSelf()]))
        except Later as problem:
            if not problem.obey and not another_method_may_work(problem):
                raise
        return f"{self.status.state}{f': {self.status.reason}' if self.status.reason else ''}"

    async def sign_out(self) -> None:
        """End the session at Telegram and here. Raises Later and Never."""
        try:
            await self.call(functions.auth.LogOutRequest())
        finally:
            sessions.remove(self._path)
        await self._end(
            AccountDead(
                "the session was ended by `communique login --logout`", remedy=SIGN_IN, state=states.NOT_SIGNED_IN
            )
        )


async def _do_nothing() -> None:
    """The default of `on_connected`."""

"""The one supervised connection: calls under deadlines of ours, probed, rebuilt, silent once the account is dead."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from telethon.tl import functions, types

from bot.clock import Clock
from bot.errors import AlreadyRunning, CommuniqueError, Later, Never, UserError
from bot.telegram import session as sessions
from bot.telegram.budget import Budget, Memory, method_of
from bot.telegram.client import Access, Hint, build, elsewhere, leave, within
from bot.telegram.refusals import AccountAbsent, AccountDead, another_way, refusal
from bot.telegram.session import SessionKey
from bot.telegram.warnings import AccountWarning, AccountWarnings
from storage.state_names import (
    CLIENT_OUTDATED,
    CONNECTED,
    CONNECTING,
    ENDED_AT_TELEGRAM,
    LOST,
    NO_ANSWER,
    NOT_SIGNED_IN,
    NOT_SUPPORTED,
    PROXY_DOWN,
    SESSION_IN_USE,
    SESSION_UNUSABLE,
    UNREACHABLE,
)

SIGN_IN = "sign in with `communique login`"
_PROBES = (
    functions.updates.GetStateRequest(),
    functions.users.GetUsersRequest([types.InputUserSelf()]),
    functions.help.GetConfigRequest(),
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, is waited for what. Telethon itself waits for ever."""

    connect: float = 25.0
    call: float = 12.0
    probe: float = 10.0
    probe_every: float = 60.0
    misses: int = 3
    lane: float = 1.5  # for the answer to another call of the same method
    readiness: float = 8.0  # a call waits so long for a connection that is being built
    loss: float = 60.0  # a connection that is away for so long is no hiccup: people are told
    back_off: tuple[float, float] = (1.0, 30.0)
    look: float = 1.0  # for another session file


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """How the account stands; `dead` means that not one call may be made."""

    state: str
    reason: str = ""
    remedy: str = ""
    dead: bool = False


class Account:
    """One account, one connection, one process. `hear` gets hints; `connected` is awaited after each connecting."""

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
    ) -> None:
        self.access = access
        self.hear: Callable[[Hint], None] = lambda _: None
        self.connected: Callable[[], Awaitable[None]] = _nothing
        self.memory = memory
        self.standing = AccountStatus(CONNECTING)
        self._user = ""
        self._path = path
        self._clock = clock
        self._speak = speak
        self._patience = patience or Patience()
        self._jitter = jitter
        self._budget = Budget(memory, clock, by_the_hour)
        self._client: Any = None
        self._lanes: dict[str, asyncio.Lock] = {}
        self._ready = asyncio.Event()
        self._settled = asyncio.Event()  # set once it is known that there is nothing to wait for
        self._doubt = asyncio.Event()
        self._lost_at: float | None = clock.monotonic()
        self._was_up = False
        self._probing: Any = None  # the probe that this server answers, once it is known
        self._oddities = AccountWarnings()
        self._odd: list[AccountWarning] = []  # to be told
        self._loss = ""  # the state in which the connection has been away for long

    # Calls ------------------------------------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """Whose account it is: what was learnt is worth nothing to another one. Empty where nobody is signed in."""
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
        method = method_of(request)
        self._must_live()
        async with self._lane(method):
            client = await self._connection()
            await self._budget.allow(method)
            self._must_live()  # it may have ended while this call waited for another
            try:
                asked = client(request) if dc in (0, client.session.dc_id) else elsewhere(client, request, dc)
                return await within(asked, self._patience.call if deadline is None else deadline)
            except Exception as problem:  # noqa: BLE001 - whatever Telethon raises becomes ours here, at the edge
                refused = refusal(problem, method, self._clock.now())
            await self._consider(refused, method)
            raise refused

    def _must_live(self) -> None:
        if self.standing.dead:
            raise AccountDead(self.standing.reason, remedy=self.standing.remedy, state=self.standing.state)

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

    async def _consider(self, refused: Later | Never, method: str) -> None:
        if isinstance(refused, AccountDead):
            await self._die(refused)
        elif isinstance(refused, Later) and refused.obey and refused.retry_at is not None:
            await self._budget.wait(method, refused.retry_at)
        elif refused.state == CLIENT_OUTDATED:
            self._puzzled()
        elif isinstance(refused, Later) and refused.unsure:
            self._doubt.set()

    async def _connection(self) -> Any:
        if not self._ready.is_set():
            if not self._settled.is_set():
                await _first((self._ready.wait(), self._settled.wait()), self._patience.readiness)
            self._must_live()
            if not self._ready.is_set():
                raise AccountAbsent(
                    self.standing.reason or "the connection to Telegram is being built", state=self.standing.state
                )
        return self._client

    # Supervision ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep connected until cancelled; wait where there is no session, or a dead one, for another to be written."""
        first = sessions.stamp(self._path)
        failures, ended = 0, await self._ended(first)
        while True:
            seen = sessions.stamp(self._path)
            try:
                found = sessions.read(self._path)
                if found is None:
                    await self._stand(
                        AccountStatus(NOT_SIGNED_IN, "nobody is signed in to Telegram", SIGN_IN, dead=True)
                    )
                elif ended is not None and seen == first:
                    await self._stand(ended)
                else:
                    failures = await self._hold(found, failures)
                    await self._tell_loss()
            except UserError as problem:
                await self._stand(AccountStatus(SESSION_UNUSABLE, str(problem), dead=True))
            if self.standing.dead:
                await self._until_another(seen)
                failures, ended = 0, None
                await self._stand(AccountStatus(CONNECTING))
            else:
                shortest, longest = self._patience.back_off
                pause = min(shortest * 2 ** min(failures, 12), longest)
                await asyncio.sleep(pause * (0.5 + self._jitter() / 2))

    async def _ended(self, seen: tuple[int, int] | None) -> AccountStatus | None:
        """How this session ended for good before we were started: its key is not shown to Telegram again."""
        row = await self.memory.account()
        if row is None or row.state not in ENDED_AT_TELEGRAM or seen is None:
            return None
        written_before = seen[1] // 1_000 <= row.state_since <= self._clock.now()
        return AccountStatus(row.state, row.reason or "", row.remedy or "", dead=True) if written_before else None

    async def _hold(self, found: SessionKey, failures: int) -> int:
        """One connection from its beginning to its end; how many in a row could not be made."""
        try:
            with sessions.Hold(self._path):
                await self._live(found)
        except AccountDead as dead:
            await self._die(dead)
        except AlreadyRunning as held:
            await self._stand(AccountStatus(SESSION_IN_USE, str(held)))
            return failures + 1
        except Never as problem:
            await self._stand(AccountStatus(problem.state, str(problem), dead=True))
        except Later as problem:
            state = problem.state if problem.state in (PROXY_DOWN, CLIENT_OUTDATED) else UNREACHABLE
            await self._stand(AccountStatus(state, str(problem)))
            return 0 if self._was_up else failures + 1
        return 0

    async def _live(self, found: SessionKey) -> None:
        self._was_up, self._user = False, found.user
        client = build(
            self.access, found, self._hint, lambda _: None, puzzled=self._puzzled, hello_s=self._patience.probe
        )
        try:
            try:
                await within(client.connect(), self._patience.connect)
                await self._probe(client)
            except CommuniqueError:
                raise
            except Exception as problem:
                raise refusal(problem, "connecting", self._clock.now()) from problem
            self._client, self._was_up = client, True
            self._lost_at = None
            self._ready.set()
            await self._stand(AccountStatus(CONNECTED, self._oddities.reason), user=found.user)
            if self._loss:
                self._note(
                    AccountWarning("telegram account", f"the Telegram account answers again; it was: {self._loss}")
                )
                self._loss = ""
            await self._tell()
            await self.connected()
            await self._watch(client)
        finally:
            self._ready.clear()
            self._client = None
            self._lost_at = self._clock.monotonic() if self._lost_at is None else self._lost_at
            await leave(client)

    async def _watch(self, client: Any) -> None:
        """Return when the connection is lost or does not answer any more; raise AccountDead if a probe says so."""
        misses = 0
        lost = asyncio.ensure_future(_ended(client))
        try:
            while misses < self._patience.misses:
                if misses == 0:
                    await _first((asyncio.shield(lost), self._doubt.wait()), self._patience.probe_every)
                self._doubt.clear()
                if lost.done():
                    problem = lost.result()
                    raise refusal(problem or ConnectionError("it was closed"), "the connection", self._clock.now())
                self._must_live()
                try:
                    await self._probe(client)
                    misses = 0
                except Later as problem:
                    misses = misses + 1 if problem.unsure else 0
                await self._tell()
            raise Later(f"Telegram did not answer {misses} times", state=NO_ANSWER)
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
                if not another_way(problem):
                    raise
                unanswered = problem
                if problem.state == NOT_SUPPORTED:
                    self._probing = None
            else:
                self._probing = probe
                return
        if unanswered is not None and unanswered.unsure:
            raise unanswered

    async def _ask(self, client: Any, probe: Any) -> None:
        try:
            await self._budget.allow(method_of(probe))
            reply = await within(client(probe), self._patience.probe)
        except Exception as problem:
            refused = refusal(problem, method_of(probe), self._clock.now())
            if isinstance(refused, Later) and refused.obey:
                if refused.retry_at is not None:
                    await self._budget.wait(method_of(probe), refused.retry_at)
                return  # it answers, if only to say that it is asked too often
            if refused.state == CLIENT_OUTDATED:
                self._puzzled()
            raise refused from problem
        if isinstance(date := getattr(reply, "date", None), datetime):
            self._note(self._oddities.dated(date, self._clock.now()))

    async def _tell_loss(self) -> None:
        """Say once that the connection is away, and has been for long; its sources are many and do not."""
        if not self._loss and self.standing.state in LOST and self.lost_for > self._patience.loss:
            self._loss = self.standing.state
            sentence = f"the Telegram account is {self._loss} for more than a minute: {self.standing.reason}"
            self._note(AccountWarning("telegram account", sentence))
            await self._tell()

    # What is odd ------------------------------------------------------------------------------------------------------

    def _puzzled(self) -> None:
        """Something came that cannot be read; it is told soon."""
        self._note(self._oddities.unread())
        if self._odd:
            self._doubt.set()

    def _note(self, odd: AccountWarning | None) -> None:
        if odd is not None:
            self._odd.append(odd)

    async def _tell(self) -> None:
        """Say what has become odd, or is so no more, and let it stand beside the account's state."""
        while self._odd:
            odd = self._odd.pop(0)
            self._speak(f"telegram: {odd.sentence}")
            await self.memory.noticed(odd.about, odd.sentence, once=odd.once)
            if self.standing.state == CONNECTED:
                await self._stand(AccountStatus(CONNECTED, self._oddities.reason))

    # The state --------------------------------------------------------------------------------------------------------

    def _hint(self, hint: Hint) -> None:
        self.hear(hint)

    async def _die(self, dead: AccountDead) -> None:
        """Not one more call: the connection is closed, and only another session file brings the account back."""
        self._loss = ""
        if not self.standing.dead:
            await self._stand(AccountStatus(dead.state, dead.reason, dead.remedy, dead=True))
        self._doubt.set()

    async def _stand(self, standing: AccountStatus, user: str | None = None) -> None:
        changed = standing.state != self.standing.state
        self.standing = standing
        if standing.state == CONNECTING:
            self._settled.clear()
        else:
            self._settled.set()
        if changed or standing.state == CONNECTED:
            told = self.memory.stands(standing.state, standing.reason or None, standing.remedy or None, user)
            await asyncio.shield(told)  # the round that found it out may be cancelled: it is written all the same
            if changed:
                reason = f": {standing.reason}" if standing.reason else ""
                remedy = f"; {standing.remedy}" if standing.remedy else ""
                self._speak(f"telegram: {standing.state}{reason}{remedy}")

    async def _until_another(self, seen: tuple[int, int] | None) -> None:
        while sessions.stamp(self._path) == seen:  # noqa: ASYNC110 - a file that another process writes is no event
            await asyncio.sleep(self._patience.look)

    async def sign_out(self) -> None:
        """End the session at Telegram and here. Raises Later and Never."""
        try:
            await self.call(functions.auth.LogOutRequest())
        finally:
            sessions.remove(self._path)
        await self._die(
            AccountDead("the session was ended by `communique login --logout`", remedy=SIGN_IN, state=NOT_SIGNED_IN)
        )


async def _first(waits: Iterable[Awaitable[object]], seconds: float) -> None:
    """Return when one of them has ended, or after so many seconds."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ended(client: Any) -> BaseException | None:
    """What the connection ended with; waits until it has."""
    try:
        await client.disconnected
    except Exception as problem:  # noqa: BLE001 - it is looked at by whoever waits
        return problem
    return None


async def _nothing() -> None:
    """Nobody wants to know."""

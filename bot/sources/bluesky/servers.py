"""Who answers about an account: an AppView, the directory of accounts, and the account's own server."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

from bot.clock import HOUR, MINUTE, SECOND, Clock
from bot.contracts.walking import read_answer
from bot.contracts.walls import check_wall
from bot.errors import Later, Never
from bot.foreign.text import one_line
from bot.http import Http, Reply, check_busy, check_limited
from bot.sources.bluesky.account import read_actor
from bot.sources.bluesky.posts import NO_HANDLE, SITE, read_object
from bot.sources.bluesky.settings import Settings, check_server
from storage.state_names import DEACTIVATED, NOT_FOUND, RENAMED, TAKEN_DOWN, UNREADABLE

T = TypeVar("T")
_CAP = 8 << 20
_DEADLINE = 30.0
_WHERE_LASTS = HOUR  # that an account's server is remembered: accounts move
_LOOK_AGAIN = 5 * MINUTE  # for it, where the directory did not answer, or the server does not
# What a server calls an account that it does not show: docs.bsky.app/docs/api/com-atproto-sync-get-repo-status
_STATES: Mapping[str, str] = {
    "AccountDeactivated": DEACTIVATED,
    "RepoDeactivated": DEACTIVATED,
    "deactivated": DEACTIVATED,
    "AccountTakedown": TAKEN_DOWN,
    "AccountSuspended": TAKEN_DOWN,
    "RepoTakendown": TAKEN_DOWN,
    "RepoSuspended": TAKEN_DOWN,
    "takendown": TAKEN_DOWN,
    "suspended": TAKEN_DOWN,
    "AccountNotFound": NOT_FOUND,
    "ActorNotFound": NOT_FOUND,
    "ProfileNotFound": NOT_FOUND,
    "RepoNotFound": NOT_FOUND,
    "deleted": NOT_FOUND,
}
AWAY = (DEACTIVATED, TAKEN_DOWN, NOT_FOUND)
_NO_RECORD = "Could not locate record"  # of servers that have no name for that, and where there is no such account
_NO_NAMES = ("InvalidRequest", "NotFound", "BadRequest")  # of errors that only their message describes
_MISSING = ("not found", "unable to resolve", "could not find", "couldn't find")


class Servers:
    """The servers of one account. `did` is the account, once that is known."""

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self.did = ""
        self._settings = settings
        self._http = http
        self._clock = clock
        self._pds: str | None = None
        self._looked_at = 0  # when that was looked for, microseconds UTC

    @property
    def account(self) -> str:
        """What the config calls the account."""
        return read_actor(self._settings.actor)

    @property
    def pds(self) -> str | None:
        """The account's own server, as far as it is known now."""
        return self._settings.pds_url or self._pds

    # Who ---------------------------------------------------------------------------------------------------------

    async def find_did(self) -> str:
        """The account by its DID: as known, or as the AppView knows it by its name. Raises Later and Never."""
        if not self.did:
            profile = await self.read_profile(self.account)
            found = str(profile.get("did") or "")
            if not found.startswith("did:"):
                raise Later(f"{self.account} answered with something that is not an account", state=UNREADABLE)
            if not self.account.startswith("did:"):
                await self._verify(found, str(profile.get("handle") or ""))
            self.did = found
        return self.did

    async def read_profile(self, actor: str) -> Mapping[str, object]:
        """What the AppView says of an account. Raises Later and Never."""
        reply = await self.ask_view(f"app.bsky.actor.getProfile?actor={quote(actor, safe=':')}")
        return await self.read(lambda: read_object(reply.body))

    async def _verify(self, did: str, called: str) -> None:
        """Make sure that the account names its handle, too (https://atproto.com/specs/handle). Raises Never."""
        document: Mapping[str, object] = {}
        keys = self._settings.model_fields_set
        if (
            "pds_url" not in keys or "plc_url" in keys
        ):  # a network of one's own need not have its accounts in the usual one
            with suppress(Later, Never):  # without the directory, the AppView's word is good
                document = await self._read_document(did)
        names = document.get("alsoKnownAs")
        own = [str(name).removeprefix("at://").lower() for name in names] if isinstance(names, list) else None
        if called == NO_HANDLE or (own is not None and self.account not in own):
            other = next((f"@{one_line(name)[:80]}" for name in own or () if name), "no handle")
            raise Never(
                f"{self.account} leads to {did}, but the document of that account names {other}",
                remedy=f'if that account is meant, write actor = "{did}"',
                state=RENAMED,
            )

    # Where -------------------------------------------------------------------------------------------------------

    async def find_pds(self, did: str) -> str | None:
        """The account's own server; None where nothing names it now."""
        if self._settings.pds_url is None and self._is_old(_WHERE_LASTS if self._pds else _LOOK_AGAIN):
            await self._look(did)
        return self.pds

    def _is_old(self, lasts: int) -> bool:
        return not 0 <= self._clock.now() - self._looked_at < lasts

    async def _look(self, did: str) -> None:
        self._looked_at = self._clock.now()
        with suppress(Later, Never):  # files and deletions wait for the directory; posts do not
            document = await self._read_document(did)
            services = document.get("service")
            for service in services if isinstance(services, list) else ():
                if isinstance(service, dict) and str(service.get("id")).endswith("#atproto_pds"):
                    with suppress(ValueError):
                        self._pds = check_server(str(service.get("serviceEndpoint")))

    async def _read_document(self, did: str) -> Mapping[str, object]:
        """The DID document (https://atproto.com/specs/did). Raises Later and Never."""
        by_web = did.startswith("did:web:")
        url = f"{self._settings.plc_url}/{quote(did, safe=':')}"
        if by_web:
            url = f"https://{unquote(did.removeprefix('did:web:'))}/.well-known/did.json"
        reply = await self._call(url, foreign=by_web)
        return await self.read(lambda: read_object(reply.body))

    # What they answer --------------------------------------------------------------------------------------------

    async def ask_view(self, call: str) -> Reply:
        """What the AppView answers. Raises Later and Never."""
        return await self._call(f"{self._settings.base_url}/xrpc/{call}")

    async def ask_own(self, did: str, call: str, *, absent: bool = False) -> Reply:
        """What the account's own server answers, or the one to which it has moved. Raises Later and Never.

        A reply that a record is `absent` is one, too. Many servers say of every account that they do not show that they
        could not find it; what it is, they say of its status.
        """
        try:
            return await self._ask_own(did, call, absent=absent)
        except Never as problem:
            status = await self.read_status(did) if problem.state == NOT_FOUND else None
            if not status or status == NOT_FOUND:
                raise
            raise self._refuse(f"{problem.reason} ({status})", status) from None

    async def _ask_own(self, did: str, call: str, *, absent: bool = False) -> Reply:
        foreign = self._settings.pds_url is None
        pds = await self.find_pds(did)
        if pds is None:
            raise Later(f"the server of the account {self.account} is not known")
        try:
            return await self._call(f"{pds}/xrpc/{call}", foreign=foreign, absent=absent)
        except (Later, Never) as problem:
            if not foreign or (isinstance(problem, Later) and problem.obey) or not self._is_old(_LOOK_AGAIN):
                raise
            await self._look(did)
            if self._pds is None or self._pds == pds:
                raise
            return await self._call(f"{self._pds}/xrpc/{call}", foreign=foreign, absent=absent)

    async def read_status(self, did: str) -> str | None:
        """What the account's own server says of an account that it does not show, "" of others; None: it says nothing.

        docs.bsky.app/docs/api/com-atproto-sync-get-repo-status
        """
        try:
            reply = await self._ask_own(did, f"com.atproto.sync.getRepoStatus?did={quote(did, safe=':')}")
            found = await self.read(lambda: read_object(reply.body))
        except (Later, Never) as problem:
            return problem.state if problem.state in AWAY else None
        if found.get("active") is not False:
            return "" if found.get("active") is True else None
        status = one_line(str(found.get("status") or ""))[:60]
        return _STATES.get(status, status or "not active")

    async def _call(self, url: str, *, foreign: bool = False, absent: bool = False) -> Reply:
        headers = {"accept": "application/json"}
        reply = await self._http.get(url, cap=_CAP, deadline=_DEADLINE, headers=headers, foreign=foreign)
        await check_wall(reply, str(urlsplit(url).hostname))
        now = self._clock.now()
        busy = check_limited(reply, _reset_at(reply), now) or check_busy(reply, now)
        if busy is not None:
            raise busy
        if reply.ok:
            return reply
        try:
            fields = read_object(reply.body)
        except ValueError:
            fields = {}
        error, said = (one_line(str(fields.get(key) or ""))[:200] for key in ("error", "message"))
        if absent and (error == "RecordNotFound" or (error == "InvalidRequest" and said.startswith(_NO_RECORD))):
            return reply
        raise self._refusal(str(urlsplit(url).hostname), reply.status, error, said)

    def _refusal(self, host: str, status: int, error: str, said: str) -> Later | Never:
        state = _STATES.get(error)
        if state is None and (error in _NO_NAMES and any(words in said.lower() for words in _MISSING)):
            state = NOT_FOUND
        if state is None:
            return Later(f"{host} answered {status} {error} {said}".rstrip())
        return self._refuse(f"{host} does not show {self.account}: {said or error}", state)

    def _refuse(self, reason: str, state: str) -> Later | Never:
        if state == DEACTIVATED:  # its owner can come back at any time
            return Later(reason, state=state)
        remedy = f"look at {SITE}/profile/{self.account}: it may be deleted, suspended or misspelt"
        return Never(reason, remedy=remedy, state=state)

    async def read(self, read: Callable[[], T]) -> T:
        """What `read` makes of an answer. Raises Later for what it refuses."""
        return await read_answer(read, self.account)


def _reset_at(reply: Reply) -> int | None:
    """When a limit is reset: seconds since 1970 (docs.bsky.app/docs/advanced-guides/rate-limits)."""
    named = reply.headers.get("ratelimit-reset", "")
    return int(named[:15]) * SECOND if named.isascii() and named.isdigit() else None

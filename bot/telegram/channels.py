"""One channel asked by the account: its newest posts, those above or below a number, single ones."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from telethon.tl import functions, types
from telethon.tl.alltlobjects import LAYER

from bot.clock import DAY, Clock
from bot.contracts.source import describe_new_owner
from bot.errors import Later, Never
from bot.telegram.account import Account
from bot.telegram.channel_names import ChannelName
from bot.telegram.messages import (
    ChannelAddress,
    ReadMessages,
    existing_messages,
    group_albums,
    handle_of,
    read_messages,
)
from bot.telegram.peers import Peers, picture_of
from bot.telegram.refusals import another_method_may_work
from storage.records import Batch, Checked, Fetch, Seen
from storage.sources.telegram import PeerRow
from storage.state_names import DELETED, PRIVATE, RENAMED, RESTRICTED, THROTTLED

PAGE = 100  # messages: as many as Telegram gives at once
SETTLE_S = 2.0  # an album's parts come one by one
_ALBUM = 10
_YOUNG = 60_000_000  # microseconds: an older album is complete, unless it is the newest of all
_FRESH_S = 30.0  # a page that was asked for ahead
_EXACT = 3_000_000  # microseconds between two absences
_UNKNOWN = (PRIVATE, DELETED)  # what a channel is called that Telegram does not know by the hash it was given
METHOD = "telegram"
BY_ID = "telegram, by id"
_FETCH = Fetch("messages.getHistory", layer=LAYER)
_FETCH_BY_ID = Fetch("channels.getMessages", layer=LAYER)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """What one reply of the history said; `whole` means that the channel has nothing else."""

    found: ReadMessages
    messages: tuple[Any, ...]
    chat: Any
    whole: bool
    pts: int


@dataclass(slots=True)
class _SeenMessages:
    """What several replies show together: the messages that are there, by their numbers, and whom they name."""

    messages: dict[int, Any] = field(default_factory=dict)
    chats: dict[int, Any] = field(default_factory=dict)
    users: dict[int, Any] = field(default_factory=dict)

    def add(self, reply: Any) -> None:
        self.messages |= {one.id: one for one in existing_messages(reply)}
        self.chats |= {one.id: one for one in reply.chats}
        self.users |= {one.id: one for one in reply.users}

    @property
    def reply(self) -> Any:
        """All of it as one reply."""
        shown = list(self.messages.values())
        return types.messages.ChannelMessages(
            0, len(shown), shown, [], list(self.chats.values()), list(self.users.values())
        )


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A page that was asked for before anybody wanted it, and when."""

    below: int
    at: float
    page: "asyncio.Task[HistoryPage]"

    @classmethod
    def begin(cls, below: int, clock: Clock, asked: Coroutine[Any, Any, HistoryPage]) -> "_Ahead":
        task = asyncio.ensure_future(asked)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # its result may never be needed
        return cls(below, clock.monotonic(), task)


class ChannelReader:
    """The channel behind one source. Raises Later and Never."""

    def __init__(
        self, account: Account, peers: Peers, wanted: ChannelName, clock: Clock, *, settle_s: float = SETTLE_S
    ) -> None:
        self._settle_s = settle_s
        self._account = account
        self._peers = peers
        self._clock = clock
        self._first_seen: dict[int, float] = {}  # albums that may still grow
        self._alive: int | None = None  # the newest message that was seen
        self._ahead: _Ahead | None = None
        self._walked_to = 0
        self._top = 0
        self.shown_from = 0  # the lowest message of the newest page
        self.wanted = wanted

    async def peer(self, known: str | None) -> PeerRow:
        """The channel; raises Never where its name now leads to another one than `known`, the archive's."""
        peer = await self._peers.find(self.wanted)
        if known and str(peer.channel_id) != known:
            peer = await self._peers.again(self.wanted)
        if known and str(peer.channel_id) != known:
            raise Never(
                f"the name {self.wanted} now belongs to channel {peer.channel_id} (was {known})",
                remedy=describe_new_owner("NAME"),
                state=RENAMED,
            )
        return peer

    async def newest(self, known: str | None, above: int | None) -> tuple[Batch, int]:
        """What is new since message `above`, ascending; `Batch.more` asks to be called again with the number returned.

        That number is the highest that is accounted for. The newest page comes whole: what was edited shows in it, and
        what is missing.
        """
        peer = await self.peer(known)
        climbed = None
        if above is not None and above + PAGE < self._top:
            climbed = await self._climb(peer, above)
            if climbed is not None:
                return climbed
        page = await self._history(peer, limit=PAGE)
        self._expect_shown(page)
        self._top, self.shown_from = page.found.high or 0, page.found.low or 0
        if above and page.found.low is not None and page.found.low > above + 1 and not page.whole:
            climbed = await self._climb(peer, above)
            if climbed is not None:
                return climbed
        return await self._settled(peer, page, above)

    async def _settled(self, peer: PeerRow, page: HistoryPage, above: int | None) -> tuple[Batch, int]:
        """The newest page; an album that may still grow is held back until it has had its time."""
        growing = self._growing(page, above or 0)
        if growing and above is None:
            await asyncio.sleep(max(growing.values()))
            page, growing = await self._history(peer, limit=PAGE), {}
        batch, high = await self._batch(page, peer, held=min(growing, default=None))
        if growing and high <= (above or 0):  # nothing but the album is new
            await asyncio.sleep(growing[min(growing)])
            page = await self._history(peer, limit=PAGE)
            growing = self._growing(page, above or 0)
            batch, high = await self._batch(page, peer, held=min(growing, default=None))
        return replace(batch, more=bool(growing)), high

    async def _climb(self, peer: PeerRow, above: int) -> tuple[Batch, int] | None:
        """The page just above a number; None where nothing is left of it, or where the server cannot give it.

        Some know no `add_offset`, or give smaller pages and so others than were asked for: then the newest page is
        taken, and what lies between is a gap, which is filled downwards.
        """
        page = await self._history(peer, limit=PAGE, offset_id=above + 1, add_offset=-PAGE, min_id=above)
        self._expect_shown(page)
        short = len(page.messages) < PAGE and (page.found.high or 0) < self._top
        if short or (page.found.low or 0) <= above:
            return None
        groups = group_albums(page.messages)
        last = groups[-1] if groups else []
        if len(groups) > 1 and getattr(last[0], "grouped_id", None):  # it may continue behind the page
            kept = tuple(one for one in page.messages if one.id < last[0].id)
            page = replace(page, found=_below(page.found, last[0].id), messages=kept)
        if page.found.high is None:
            return None
        batch, high = await self._batch(page, peer, low=above + 1)
        return replace(batch, more=True, end=False), high

    async def older(self, known: str | None, below: int) -> Batch:
        """The page just below a number."""
        peer = await self.peer(known)
        if below <= 1:
            return Batch(end=True)
        page = await self._below(peer, below)
        if page.found.low is None:
            return Batch(seen=Seen(1, below - 1), end=True, channel_id=str(peer.channel_id))
        batch, _ = await self._batch(page, peer)
        assert batch.seen is not None
        if self._walked_to == below and not batch.end:  # somebody walks down: the next page comes while this is stored
            self._ahead = _Ahead.begin(batch.seen.low, self._clock, self._past(peer, batch.seen.low))
        self._walked_to = batch.seen.low
        return replace(batch, seen=Seen(batch.seen.low, below - 1))

    async def _below(self, peer: PeerRow, below: int) -> HistoryPage:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.below == below and self._clock.monotonic() - ahead.at < _FRESH_S:
            return await ahead.page
        if ahead is not None:
            ahead.page.cancel()
        return await self._past(peer, below)

    async def _past(self, peer: PeerRow, below: int) -> HistoryPage:
        await self._account.history_pace.wait()
        return await self._history(peer, limit=PAGE, offset_id=below)

    async def check(self, known: str | None, native_ids: Sequence[str]) -> list[Checked]:
        """Look at posts by their numbers, beside one that must be there; a hundred numbers go into one call."""
        peer = await self.peer(known)
        numbers = [int(native_id) for native_id in native_ids]
        control = self._alive
        if control is None or control in numbers:
            page = await self._history(peer, limit=3)
            control = next((one.id for one in page.messages[::-1] if one.id not in numbers), None)
        seen = _SeenMessages()
        await self._look(peer, [*numbers, *([control] if control else [])], seen)
        in_albums = (number for number in numbers if getattr(seen.messages.get(number), "grouped_id", None))
        parts = {number + step for number in in_albums for step in range(1, _ALBUM)}
        await self._look(peer, sorted(parts - seen.messages.keys() - set(numbers)), seen)
        posts = {post.native_id: post for post in read_messages(seen.reply, _address(peer, seen.reply)).posts}
        return [
            Checked(native_id, "present", BY_ID, post=posts.get(native_id), control=True, fetch=_FETCH_BY_ID)
            if number in seen.messages
            else Checked(native_id, "absent", BY_ID, None, bool(seen.messages), _EXACT, _FETCH_BY_ID)
            for native_id, number in zip(native_ids, numbers, strict=True)
        ]

    async def _look(self, peer: PeerRow, numbers: Sequence[int], seen: "_SeenMessages") -> None:
        """Fetch messages by their numbers."""
        for start in range(0, len(numbers), PAGE):
            seen.add(await self._by_number(peer, numbers[start : start + PAGE]))

    async def message(self, number: int) -> Any:
        """One message as it is now. Raises Never if it is gone, Later if nothing that was asked for is shown."""
        peer = await self._peers.find(self.wanted)
        there = existing_messages(await self._by_number(peer, {number, self._alive or number}))
        for one in there:
            if one.id == number:
                return one
        if not there:
            raise Later(f"message {number} is not shown, and neither is one that must exist", state=THROTTLED)
        raise Never(f"message {number} no longer exists", state="gone")

    async def difference(self, pts: int) -> tuple[bool, int, int]:
        """Short poll: whether anything moved since `pts`, the pts now, and in how many seconds to ask again."""
        peer = await self._peers.find(self.wanted)
        reply = await self._call(
            peer,
            lambda named: functions.updates.GetChannelDifferenceRequest(
                types.InputChannel(named.channel_id, named.access_hash), types.ChannelMessagesFilterEmpty(), pts, PAGE
            ),
        )
        moved = not isinstance(reply, types.updates.ChannelDifferenceEmpty)
        now = getattr(reply, "pts", None) or getattr(getattr(reply, "dialog", None), "pts", None) or pts
        return moved, now, reply.timeout or 1

    async def pts(self) -> int:
        """Where a short poll starts; 1, the first of all, where the server does not say."""
        return (await self._history(await self._peers.find(self.wanted), limit=1)).pts or 1

    def _expect_shown(self, page: HistoryPage) -> None:
        """Raises Later where Telegram withholds the channel: what it leaves empty is never "no posts"."""
        reason = describe_restriction(page.chat)
        if reason is not None and all(post.service for post in page.found.posts):
            raise Later(
                f"Telegram withholds the posts of the channel: {reason}",
                retry_at=self._clock.now() + DAY,
                state=RESTRICTED,
            )

    # One reply --------------------------------------------------------------------------------------------------------

    async def _history(self, peer: PeerRow, *, limit: int, **where: int) -> HistoryPage:
        reply = await self._call(peer, partial(_of_history, limit=limit, where=where))
        found = read_messages(reply, _address(peer, reply))
        messages = tuple(existing_messages(reply))
        chat = _chat(peer, reply)
        if found.high is not None and not where:
            self._alive = found.high
        whole = found.low == 1 or (not where and getattr(reply, "count", None) == len(messages) in range(1, limit))
        return HistoryPage(found, messages, chat, whole, getattr(reply, "pts", 0))

    async def _by_number(self, peer: PeerRow, numbers: Iterable[int]) -> Any:
        """Messages by their numbers; where the server does not give them so, out of the history around them."""
        wanted = sorted(numbers)
        ids = [types.InputMessageID(one) for one in wanted]
        try:
            return await self._call(
                peer,
                lambda named: functions.channels.GetMessagesRequest(
                    types.InputChannel(named.channel_id, named.access_hash), ids
                ),
            )
        except Later as problem:
            if not another_method_may_work(problem):
                raise
        return await self._out_of_history(peer, wanted)

    async def _out_of_history(self, peer: PeerRow, wanted: list[int]) -> Any:
        """The same by walking down, from the highest of them, as far as pages of whatever size reach."""
        seen = _SeenMessages()
        while wanted:
            below, floor = wanted[-1] + 1, max(wanted[-1] - PAGE, wanted[0] - 1)
            while below > floor + 1:
                where = {"offset_id": below}
                reply = await self._call(peer, partial(_of_history, limit=below - floor - 1, where=where))
                shown = [one.id for one in existing_messages(reply) if one.id < below]
                seen.add(reply)
                below = min(shown, default=0)
            wanted = [one for one in wanted if one <= floor]
        return seen.reply

    async def _call(self, peer: PeerRow, ask: Callable[[PeerRow], Any]) -> Any:
        """Ask of the channel; once more by another hash, if there is one, where it is not known by this one."""
        try:
            return await self._account.call(ask(peer))
        except Later as problem:
            renewed = await self._peers.renew(self.wanted, peer) if problem.state in _UNKNOWN else None
            if renewed is None:
                raise
        return await self._account.call(ask(renewed))

    async def _batch(
        self, page: HistoryPage, peer: PeerRow, *, held: int | None = None, low: int | None = None
    ) -> tuple[Batch, int]:
        """What a page says below message `held`. An album that the page's lower edge cuts is left to the next page."""
        found = page.found
        await self._peers.note(self.wanted, page.chat)
        names = self._peers.remembered(self.wanted) or peer
        groups = group_albums(page.messages)
        if held is not None:
            found = _below(found, held)
        end = low is None and page.whole
        lowest = found.low
        cut = low is None and not end and len(groups) > 1 and getattr(groups[0][0], "grouped_id", None)
        if cut:
            found, lowest = _without(found, groups[0][0].id), groups[0][0].id + 1
            lowest = max(lowest, groups[0][-1].id + 1)
        seen = None if found.high is None or lowest is None else Seen(low or (1 if end else lowest), found.high)
        if seen is not None and seen.low > seen.high:
            seen = None
        batch = Batch(
            posts=found.posts,
            quarantined=found.quarantined,
            seen=seen,
            end=end,
            channel_id=str(peer.channel_id),
            handle=names.handle,
            title=names.title,
            picture=picture_of(page.chat),
            method=METHOD,
            fetch=_FETCH,
            detail=f"Telegram restricts the channel: {reason}" if (reason := describe_restriction(page.chat)) else None,
        )
        return batch, found.high or 0

    def _growing(self, page: HistoryPage, above: int) -> dict[int, float]:
        """Seconds until each of the newest albums can be taken for complete, by its first message; none: all can.

        Each has its own time, so that albums without end hold up nothing for longer.
        """
        now, moment = self._clock.monotonic(), self._clock.now()
        newest = page.messages[-_ALBUM:][0].id if above and page.messages else 1 << 62  # whatever the clocks say
        young = {
            group[0].grouped_id: group[0].id
            for group in group_albums(page.messages)
            if getattr(group[0], "grouped_id", None)
            and group[-1].id > above
            and (group[-1].id >= newest or moment - group[-1].date.timestamp() * 1_000_000 < _YOUNG)
        }
        self._first_seen = {key: self._first_seen.get(key, now) for key in young}
        left = {young[key]: self._settle_s - (now - seen) for key, seen in self._first_seen.items()}
        return {first: seconds for first, seconds in left.items() if seconds > 0}


def _chat(peer: PeerRow, reply: Any) -> Any:
    """What a reply says about the channel; None if it says nothing."""
    return next((chat for chat in reply.chats if chat.id == peer.channel_id), None)


def _address(peer: PeerRow, reply: Any) -> ChannelAddress:
    """The address by which people find the posts of a reply: under the name that the channel has now."""
    chat = _chat(peer, reply)
    known = isinstance(chat, types.Channel) and not getattr(chat, "min", False)
    return ChannelAddress(peer.channel_id, handle_of(chat) if known else peer.handle)


def _of_history(peer: PeerRow, *, limit: int, where: Mapping[str, int]) -> Any:
    """A page of history; `where` names offsets as Telegram does."""
    asked: Mapping[str, int] = {"offset_id": 0, "add_offset": 0, "max_id": 0, "min_id": 0, **where}
    channel = types.InputPeerChannel(peer.channel_id, peer.access_hash)
    return functions.messages.GetHistoryRequest(channel, offset_date=None, limit=limit, hash=0, **asked)


def describe_restriction(chat: Any) -> str | None:
    """Why and where Telegram does not let a channel be seen, in its own words; None where it does."""
    if not getattr(chat, "restricted", False):
        return None
    reasons = getattr(chat, "restriction_reason", None) or ()
    where = {"all": "everywhere"}
    shown = (f"{one.text or one.reason} ({where.get(one.platform, one.platform)})" for one in reasons)
    return "; ".join(shown) or "no reason given"


def _without(found: ReadMessages, first: int) -> ReadMessages:
    """The same without the album that begins with this message."""
    return replace(
        found,
        posts=tuple(post for post in found.posts if post.number != first),
        quarantined=tuple(piece for piece in found.quarantined if piece.native_id != str(first)),
    )


def _below(found: ReadMessages, held: int) -> ReadMessages:
    """Leave out a message that is not to be taken yet, and all above it."""
    return replace(
        found,
        posts=tuple(post for post in found.posts if (post.number or 0) < held),
        quarantined=tuple(piece for piece in found.quarantined if int(piece.native_id or 0) < held),
        high=None if found.low is None or found.low >= held else held - 1,
    )

"""A channel's name is resolved once; then its number and access hash are called, whatever it is named."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

from telethon import utils
from telethon.tl import functions, types

from bot.clock import DAY, SECOND, Clock
from bot.errors import Later, Never
from bot.telegram.account import Account
from bot.telegram.channel_names import ChannelName
from bot.telegram.messages import handle_of
from storage.sources.telegram import PeerRow
from storage.state_names import NO_SUCH_NAME, NOT_A_CHANNEL, NOT_JOINED, PRIVATE

_PAGE = 100
_PAGES = 12  # of dialogs: an account is in at most 1,000 channels
_DAILY_S = DAY / SECOND
_LATELY_S = 60.0  # a list of dialogs that is no older is not asked for again


class Peers:
    """What channels are called by, for one account. Raises Later and Never."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._known: dict[str, dict[str, PeerRow]] = {}  # by account
        self._locks: dict[str, asyncio.Lock] = {}
        self._mine: dict[int, Any] | None = None  # channels of the account, by number, as the dialogs showed them
        self._mine_at = 0.0
        self._looked: dict[str, object] = {}  # by what is wanted, the sign-in by which it was looked up
        self._asked_again: dict[str, float] = {}  # when, of names that led elsewhere

    def remembered(self, wanted: ChannelName) -> PeerRow | None:
        """What is known without asking anybody."""
        return self._known.get(self._account.user, {}).get(wanted.key)

    async def find(self, wanted: ChannelName) -> PeerRow:
        """The channel that is meant; Telegram is asked only if it never was before."""
        known, key = await self._peers(), wanted.key
        if key not in known:
            async with self._locks.setdefault(key, asyncio.Lock()):
                if key not in known:
                    await self._keep(wanted, await self._look(wanted))
        return known[key]

    async def known(self, wanted: ChannelName) -> PeerRow | None:
        """What this account, or else any other before it, has learnt of a channel; no request is made."""
        known = await self._peers()
        return known.get(wanted.key) or await self._account.memory.find_peer(wanted.key)

    async def again(self, wanted: ChannelName) -> PeerRow:
        """Resolve a name again that led to the wrong channel; at most daily."""
        now = self._clock.monotonic()
        if now - self._asked_again.get(wanted.key, -_DAILY_S) < _DAILY_S:
            return await self.find(wanted)
        self._asked_again[wanted.key] = now
        found = await self._look(wanted)
        await self._keep(wanted, found)
        return found

    async def _peers(self) -> dict[str, PeerRow]:
        """What this account has learnt, by how it was asked for."""
        user = self._account.user
        async with self._locks.setdefault("", asyncio.Lock()):
            if user not in self._known:
                self._known[user] = await self._account.memory.read_peers(user)
        return self._known[user]

    async def renew(self, wanted: ChannelName, refused: PeerRow) -> PeerRow | None:
        """Look a channel up again that Telegram does not know by what is remembered of it: once for each sign-in.

        Some servers give every session other access hashes. None where nothing better is found: the same hash, nothing,
        or another channel that has the name now. Raises nothing.
        """
        async with self._locks.setdefault(wanted.key, asyncio.Lock()):
            now = self.remembered(wanted)
            if now is not None and now.access_hash != refused.access_hash:
                return now
            if self._looked.get(wanted.key) == self._account.sign_in:
                return None
            self._mine = None
            try:
                found = await self._look(wanted)
            except (Later, Never):
                return None
            if found.channel_id != refused.channel_id or found.access_hash == refused.access_hash:
                return None
            await self._keep(wanted, found)
            return found

    async def note(self, wanted: ChannelName, chat: Any) -> None:
        """Keep what a reply says about the channel."""
        peer = self.remembered(wanted)
        if peer is None or getattr(chat, "min", False) or not isinstance(chat, types.Channel):
            return
        now = replace(peer, handle=handle_of(chat), title=chat.title, joined=not chat.left)
        if now != peer:
            await self._keep(wanted, now)

    async def join(self, wanted: ChannelName) -> PeerRow:
        """Become a member, so that Telegram pushes what the channel posts."""
        peer = await self.find(wanted)
        asked = functions.channels.JoinChannelRequest(types.InputChannel(peer.channel_id, peer.access_hash))
        await self._account.call(asked)
        joined = replace(peer, joined=True)
        await self._keep(wanted, joined)
        return joined

    async def _look(self, wanted: ChannelName) -> PeerRow:
        if wanted.kind == "name":
            chat = await self._named(wanted)
        elif wanted.kind == "invite":
            chat = await self._invited(wanted.value)
        else:
            chat = await self._dialog(int(wanted.value))
        self._looked[wanted.key] = self._account.sign_in
        return PeerRow(wanted.key, chat.id, chat.access_hash or 0, handle_of(chat), chat.title, not chat.left)

    async def _keep(self, wanted: ChannelName, peer: PeerRow) -> None:
        await self._account.memory.keep_peer(self._account.user, peer)
        self._known.setdefault(self._account.user, {})[wanted.key] = peer

    async def _named(self, wanted: ChannelName) -> Any:
        """By the last name that any account saw it under, for it may have been renamed; then by the config's."""
        before = await self._account.memory.find_peer(wanted.key)
        if before is not None and before.handle and before.handle.lower() != wanted.value.lower():
            with suppress(Never):
                return await self._resolve(before.handle)
        return await self._resolve(wanted.value)

    async def _resolve(self, name: str) -> Any:
        try:
            found = await self._account.call(functions.contacts.ResolveUsernameRequest(name))
        except Never as problem:  # Telegram ignores case; some servers keep lower case and compare
            if problem.state != NO_SUCH_NAME or name.islower() or self._account.access.server is None:
                raise
            found = await self._account.call(functions.contacts.ResolveUsernameRequest(name.lower()))
        number = found.peer.channel_id if isinstance(found.peer, types.PeerChannel) else None
        for chat in found.chats:
            if chat.id == number and isinstance(chat, types.Channel):
                return chat
        if number is not None:
            raise Later(f"Telegram does not show the channel @{name} to this account", state=PRIVATE)
        raise Never(f"@{name} is a person, a bot or a small group, not a channel", state=NOT_A_CHANNEL)

    async def _invited(self, hashed: str) -> Any:
        found = await self._account.call(functions.messages.CheckChatInviteRequest(hashed))
        chat = getattr(found, "chat", None)
        if not isinstance(chat, types.Channel) or isinstance(found, types.ChatInvite):
            raise Never(
                "the account is not in the channel that this invitation leads to",
                remedy="join it once with the account, in any Telegram application",
                state=NOT_JOINED,
            )
        return chat

    async def _dialog(self, number: int) -> Any:
        """A channel that the config names by its number alone must be one of the account's own."""
        async with self._locks.setdefault("dialogs", asyncio.Lock()):  # many ask at once, and one list answers all
            lately = self._clock.monotonic() - self._mine_at < _LATELY_S
            if self._mine is None or (number not in self._mine and not lately):
                self._mine, self._mine_at = await self._dialogs(), self._clock.monotonic()
        if number not in self._mine:
            raise Never(
                f"the account does not know a channel with the number {number}",
                remedy="write its @name in the config, or join it with the account",
                state=NOT_JOINED,
            )
        return self._mine[number]

    async def _dialogs(self) -> dict[int, Any]:
        mine: dict[int, Any] = {}
        request = functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), _PAGE, 0)
        for _ in range(_PAGES):
            page = await self._account.call(request)
            mine |= {chat.id: chat for chat in page.chats if isinstance(chat, types.Channel)}
            if not isinstance(page, types.messages.DialogsSlice) or len(page.dialogs) < _PAGE:
                return mine
            last = page.dialogs[-1]
            dates = {(utils.get_peer_id(one.peer_id), one.id): one.date for one in page.messages}
            names = {utils.get_peer_id(one): one for one in (*page.users, *page.chats)}
            there = names.get(utils.get_peer_id(last.peer))
            request = functions.messages.GetDialogsRequest(
                dates.get((utils.get_peer_id(last.peer), last.top_message)),
                last.top_message,
                utils.get_input_peer(there) if there is not None else types.InputPeerEmpty(),
                _PAGE,
                0,
            )
        return mine


def picture_of(chat: Any) -> str | None:
    """The number of a channel's photo; None where the reply does not have it."""
    number = getattr(getattr(chat, "photo", None), "photo_id", None)
    return None if number is None else str(number)

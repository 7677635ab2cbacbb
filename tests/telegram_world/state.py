"""The Telegram world itself: its channels and what is done in them; what is visible now and what was shown to whom."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from telethon.tl import types

from bot.clock import SECOND, Clock
from tests.telegram_world import wire
from tests.telegram_world.accounts import Account, Accounts
from tests.telegram_world.audience import Audience
from tests.telegram_world.channels import Channel, File, Forward, Message
from tests.telegram_world.faults import Faults
from tests.telegram_world.journal import Journal
from tests.telegram_world.manners import Manners
from tests.telegram_world.signals import Push, Tell


class World:
    """The state behind a server; every method may be called from any thread. A `channel` is named by handle or id.

    `accounts` holds who may log in, `audience` who hears what, `faults` what goes wrong, `journal` what was called and
    shown.
    A pushed or served change is a change of this state first: a test changes the world, never the wire.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        dcs: Sequence[int] = (2, 4),
        gzip: bool = True,
        poll_seconds: int = 1,
        log_keeps: int = 10_000,
    ) -> None:
        self.clock = clock or Clock()
        self.dcs = tuple(dcs)  # the first one is where clients begin
        self.ports: dict[int, int] = {}
        self.gzip = gzip
        self.poll_seconds = poll_seconds  # what getChannelDifference asks a poller to wait
        self.manners = Manners()
        self.too_long_after = 1_000  # changes; a longer gap is answered with ChannelDifferenceTooLong
        self.lock = threading.RLock()
        self.files: dict[int, File] = {}
        self.file_generation = 1
        self._log_keeps = log_keeps
        self._channels: dict[int, Channel] = {}
        self._albums = 0
        self.journal = Journal(self.lock, self.clock.monotonic)
        self.audience = Audience(self.lock, self.clock.monotonic)
        self.faults = Faults(self.lock, self.audience.tell, self.clock.monotonic)
        self.accounts = Accounts(self.lock, self.audience.tell, self.manners)

    # What happens to channels

    def open_channel(
        self,
        handle: str | None,
        title: str,
        *,
        members: Sequence[str] = (),
        private: bool = False,
        invite: str | None = None,
        channel_id: int | None = None,
        first_id: int = 1,
        noforwards: bool = False,
        restricted: str | None = None,
    ) -> int:
        """A new channel; returns its id. It begins with a service message, unless its history starts later."""
        with self.lock:
            number = channel_id or 1_500_000_001 + len(self._channels)
            made = Channel(number, handle, title, self.clock.now(), private, invite, noforwards, restricted)
            made.next_id = first_id
            made.members = {self.accounts.account(phone).id for phone in members}
            self._channels[number] = made
            if first_id == 1:
                self.publish(number, action=types.MessageActionChannelCreate(title))
            return number

    def rename(self, channel: str | int, handle: str | None) -> None:
        """Another handle, or none; the old one is free at once."""
        with self.lock:
            found = self.channel(channel)
            found.handle = handle
            self._tell_of(found)

    def squat(self, handle: str, title: str) -> int:
        """The owner of a handle loses it and a new channel takes it; returns the id of the new one."""
        with self.lock:
            self.rename(handle, None)
            return self.open_channel(handle, title)

    def make_private(self, channel: str | int) -> None:
        """From now on only members may look."""
        with self.lock:
            found = self.channel(channel)
            found.private, found.handle = True, None
            self._tell_of(found)

    def restrict(self, channel: str | int, reason: str | None, *, withheld: bool = True) -> None:
        """Say that the channel may not be shown, and why; `withheld` empties its messages. None ends it."""
        with self.lock:
            found = self.channel(channel)
            found.restricted, found.withheld = reason, withheld and reason is not None
            found.written.clear()
            self._tell_of(found)

    def make_public(self, channel: str | int, handle: str) -> None:
        """The other way round: everybody may look, under this handle."""
        with self.lock:
            found = self.channel(channel)
            found.private = found.gone = False
            found.handle = handle
            self._tell_of(found)

    def delete_channel(self, channel: str | int) -> None:
        with self.lock:
            found = self.channel(channel)
            found.gone, found.handle = True, None
            self._tell_of(found)

    def join(self, channel: str | int, phone: str) -> None:
        with self.lock:
            self.channel(channel).members.add(self.accounts.account(phone).id)

    def ban(self, channel: str | int, phone: str) -> None:
        """Throw an account out for good: it can neither look nor come back."""
        with self.lock:
            found, account = self.channel(channel), self.accounts.account(phone)
            found.members.discard(account.id)
            found.banned.add(account.id)
            self._tell_of(found, account)

    def pardon(self, channel: str | int, phone: str) -> None:
        """The ban is over and the account is a member again."""
        with self.lock:
            found, account = self.channel(channel), self.accounts.account(phone)
            found.banned.discard(account.id)
            found.members.add(account.id)
            self._tell_of(found, account)

    # What happens in channels

    def reserve(self, channel: str | int, count: int) -> list[int]:
        """Ids that are given out before their messages can be seen, as to the parts of an album."""
        with self.lock:
            found = self.channel(channel)
            found.next_id += count
            return list(range(found.next_id - count, found.next_id))

    def publish(
        self,
        channel: str | int,
        text: str = "",
        *,
        at: int | None = None,
        file: File | None = None,
        album: int | None = None,
        silent: bool = False,
        number: int | None = None,
        **fields: Any,
    ) -> int:
        """A new message at the end of a channel; returns its id. `at` None means now, `fields` are those of Message.

        `number` is an id that was reserved. `silent` posts without telling anybody: history has it, no push and no difference ever does.
        """
        with self.lock:
            found = self.channel(channel)
            moment = self.clock.now() if at is None else at
            if number is None:
                [number] = self.reserve(channel, 1)
            made = Message(number, moment, text, file_id=self._keep(file), album=album, **fields)
            found.put(made)
            if not silent:
                self._changed(found, "new", [made])
            return made.id

    def publish_album(
        self, channel: str | int, files: Sequence[File], text: str = "", *, at: int | None = None
    ) -> list[int]:
        """Several messages of one album, the text on the first; each is an update of its own. Returns their ids."""
        with self.lock:
            self._albums += 1
            number = 13_000_000_000_000_000 + self._albums
            captions = [text, *[""] * (len(files) - 1)]
            pairs = zip(files, captions, strict=True)
            return [self.publish(channel, caption, at=at, file=file, album=number) for file, caption in pairs]

    def forward(self, channel: str | int, origin: str | int, message_id: int, *, at: int | None = None) -> int:
        """Forward a message of another channel; returns the new id."""
        with self.lock:
            source = self.channel(origin)
            first = source.messages[message_id]
            forward = first.forward or Forward(first.at, source.id, message_id, author=first.author)
            file = self.files[first.file_id] if first.file_id else None
            return self.publish(channel, first.text, at=at, file=file, forward=forward, entities=first.entities)

    def edit(self, channel: str | int, message_id: int, text: str, *, silent: bool = False, **fields: Any) -> None:
        """Change the wording; `silent` tells nobody, so that only a look at the history finds it."""
        with self.lock:
            found = self.channel(channel)
            edited = replace(
                found.messages[message_id], text=text, edited_at=self.clock.now(), hides_edit=False, **fields
            )
            found.put(edited)
            if not silent:
                self._changed(found, "edit", [edited])

    def react(self, channel: str | int, message_id: int, *, reactions: int = 1, views: int = 0) -> None:
        """Reactions and views come in as "edits" of a message that was never edited (`edit_hide`), or keep its date."""
        with self.lock:
            found = self.channel(channel)
            old = found.messages[message_id]
            seen = replace(
                old,
                reactions=old.reactions + reactions,
                views=old.views + views,
                edited_at=old.edited_at or self.clock.now(),
                hides_edit=old.edited_at is None or old.hides_edit,
            )
            found.put(seen)
            self._changed(found, "edit", [seen])

    def delete(self, channel: str | int, *message_ids: int, silent: bool = False) -> None:
        """`silent` deletes without an event: not even a difference tells."""
        with self.lock:
            found = self.channel(channel)
            found.remove(message_ids)
            if not silent:
                pts = found.note("delete", message_ids, self.clock.now(), keep=self._log_keeps)
                update = types.UpdateDeleteChannelMessages(found.id, list(message_ids), pts, len(message_ids))
                self._push(Push(found.id, (update,)))

    def expire_file_references(self) -> None:
        """Every file reference given out so far is old; a message fetched again carries a new one."""
        with self.lock:
            self.file_generation += 1
            for channel in self._channels.values():
                channel.written.clear()

    def forget_log(self, channel: str | int) -> None:
        """The server no longer knows the changes so far: a difference over them is TooLong."""
        with self.lock:
            found = self.channel(channel)
            found.log.clear()
            found.log_from = found.pts

    def warm(self, channel: str | int) -> None:
        """Write every message of a channel as bytes now, so that a bench of reading does not pay for it."""
        with self.lock:
            found = self.channel(channel)
            for message in found.messages.values():
                wire.message_bytes(self, found, message)

    def push_unknown(self, phone: str, channel: str | int | None = None) -> None:
        """Push an update of a constructor that no layer has to an account; `channel` is what it is about."""
        with self.lock:
            about = None if channel is None else self.channel(channel).id
            self.audience.tell(Tell(wire.unknown_updates(about), phone=self.accounts.account(phone).phone))

    def push_false_deletion(self, channel: str | int, message_id: int) -> None:
        """Tell everybody who receives a channel that a message is gone which stands there."""
        with self.lock:
            found = self.channel(channel)
            self._push(Push(found.id, (types.UpdateDeleteChannelMessages(found.id, [message_id], found.pts, 0),)))

    def push_channel_too_long(self, channel: str | int) -> None:
        """Tell everybody who receives a channel that too much has happened in it."""
        with self.lock:
            found = self.channel(channel)
            self._push(Push(found.id, (types.UpdateChannelTooLong(found.id, found.pts),)))

    # What can be seen of it

    def visible(self, channel: str | int, *, service: bool = True) -> frozenset[int]:
        """Ids of the messages that stand in a channel now, with or without service messages."""
        with self.lock:
            messages = self.channel(channel).messages
            return frozenset(one for one, message in messages.items() if service or message.action is None)

    def text(self, channel: str | int, message_id: int) -> str:
        """The wording of a message now. Raises KeyError if it does not stand."""
        with self.lock:
            return self.channel(channel).messages[message_id].text

    def shown(self, channel: str | int, *, pushes: bool = True) -> frozenset[int]:
        """Ids of all messages that any sent reply or push contained, deleted ones included."""
        return self.journal.shown(self.channel(channel).id, pushes=pushes)

    def shown_texts(self, channel: str | int, message_id: int, *, pushes: bool = True) -> tuple[str, ...]:
        """Every wording of a message that any sent reply or push contained, oldest first."""
        return self.journal.shown_texts(self.channel(channel).id, message_id, pushes=pushes)

    def channel(self, channel: str | int) -> Channel:
        """The channel behind a handle in any case, or an id. Raises KeyError if there is none."""
        with self.lock:
            found = self._channels.get(channel) if isinstance(channel, int) else self.holder(channel)
            if found is None:
                raise KeyError(f"the Telegram world has no channel {channel!r}")
            return found

    def holder(self, handle: str) -> Channel | None:
        """Who holds a handle now."""
        wanted = handle.lower().removeprefix("@")
        held = (channel for channel in self._channels.values() if (channel.handle or "").lower() == wanted)
        return next(held, None) if wanted else None

    def known(self, channel_id: int) -> Channel | None:
        return self._channels.get(channel_id)

    def channels(self) -> tuple[Channel, ...]:
        with self.lock:
            return tuple(self._channels.values())

    def now_seconds(self) -> float:
        """The servers' clock: true time plus the skew that the faults ask for."""
        return self.clock.now() / SECOND + self.faults.skew

    # Inside

    def _changed(self, channel: Channel, kind: Any, messages: Sequence[Message]) -> None:
        made = types.UpdateNewChannelMessage if kind == "new" else types.UpdateEditChannelMessage
        for message in messages:
            pts = channel.note(kind, (message.id,), self.clock.now(), keep=self._log_keeps)
            if self.audience.listens():
                written = wire.Written(wire.message_bytes(self, channel, message))
                self._push(Push(channel.id, (made(written, pts, 1),), ((message.id, message.text),)))

    def _push(self, push: Push) -> None:
        if not (self.faults.swallow_pushes or push.channel_id in self.faults.swallow_pushes_of):
            self.audience.tell(push)

    def _keep(self, file: File | None) -> int | None:
        if file is None:
            return None
        number = 5_000_000_000_001 + len(self.files)
        self.files[number] = file
        return number

    def _tell_of(self, channel: Channel, account: Account | None = None) -> None:
        """Something about the channel itself has changed: members, or one account, are told to look again."""
        told = [account] if account else [one for one in self.accounts.all() if one.id in channel.members]
        for one in told:
            chats = [wire.chat(channel, one)]
            updates = types.Updates([types.UpdateChannel(channel.id)], [], chats, wire.date(self.clock.now()), 0)
            self.audience.tell(Tell(updates, phone=one.phone))

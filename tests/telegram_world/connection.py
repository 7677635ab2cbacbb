"""One TCP connection of a client: opens its packets, answers its calls in order, and carries pushes to it."""

import asyncio
import gzip
import socket
import struct
from contextlib import suppress
from typing import Any

from telethon.errors import TypeNotFoundError
from telethon.tl import TLObject, functions, types
from telethon.tl.core import GzipPacked, MessageContainer

from tests.telegram_world import wire
from tests.telegram_world.accounts import Key
from tests.telegram_world.answers import Reply, Visit, answer, method_of
from tests.telegram_world.faults import Fault, Refusal
from tests.telegram_world.handshake import Handshake, read_object
from tests.telegram_world.sealing import MessageIds, Unsealed, clock_complaint, seal, unseal
from tests.telegram_world.signals import CutHow, Push
from tests.telegram_world.state import World
from tests.telegram_world.transport import Framing, Full, Wire

_RPC_RESULT = 0xF35C6D01
_CONTAINER = 0x73F1F8DC
_WRONG_SALT = 48
_WORTH_PACKING = 512  # bytes; shorter answers go as they are
_WRAPPERS = (
    functions.InvokeWithLayerRequest,
    functions.InitConnectionRequest,
    functions.InvokeWithoutUpdatesRequest,
    functions.InvokeAfterMsgRequest,
    functions.InvokeAfterMsgsRequest,
)


class Connection:
    """Lives from the accept to the end of either side; all of it runs in the server's loop."""

    def __init__(self, world: World, dc: int, lane: Wire) -> None:
        self.key: Key | None = None
        self._world = world
        self._dc = dc
        self._lane = lane
        self._framing: Framing | None = None
        self._handshake: Handshake | None = None
        self._session = 0
        self._wants_updates = False
        self._silent = False  # our half is closed
        self._ids = MessageIds()
        self._seqno = 0
        self._late: set[asyncio.Task[None]] = set()

    @property
    def phone(self) -> str | None:
        """Of the account that is logged in here."""
        return self.key.account.phone if self.key and self.key.account else None

    async def run(self) -> None:
        """Answer until the client leaves or says what nobody says."""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
                self._framing = await self._lane.framing()
                while True:
                    packet = await self._framing.read(self._lane)
                    if not self._world.faults.black_hole:
                        self._take(packet)
                        await self._lane.writer.drain()
        finally:
            for task in self._late:
                task.cancel()
            self._lane.writer.close()
            with suppress(ConnectionError):
                await self._lane.writer.wait_closed()

    # What comes in

    def _take(self, packet: bytes) -> None:
        key_id = int.from_bytes(packet[:8], "little")
        if key_id == 0:
            self._shake(packet[20:])
            return
        key = self._world.accounts.keys.get((self._dc, key_id))
        if key is None:
            self.transport_error(-404)
            return
        self.key = key
        self._open(key, unseal(key.auth.key, packet))

    def _shake(self, body: bytes) -> None:
        now = self._world.now_seconds()
        self._handshake = self._handshake or Handshake(int(now))
        reply = bytes(self._handshake.answer(read_object(body)))
        self._write(struct.pack("<qqi", 0, self._ids.next(now, reply=True), len(reply)) + reply)
        if self._handshake.key is not None:
            self._world.accounts.add_key(self._handshake.key, self._dc)
            self._handshake = None

    def _open(self, key: Key, packet: Unsealed) -> None:
        """Check what must be right before anything is done: the clock, the salt, the session."""
        self._session = packet.session
        complaint = clock_complaint(packet.message_id, self._world.now_seconds())
        if complaint is not None:
            self._send(types.BadMsgNotification(packet.message_id, packet.seqno, complaint))
        elif packet.salt != key.salt:
            self._send(types.BadServerSalt(packet.message_id, packet.seqno, _WRONG_SALT, key.salt))
        else:
            if packet.session not in key.sessions:
                self._greet(key, packet)
            self._read(packet.message_id, packet.body)

    def _greet(self, key: Key, packet: Unsealed) -> None:
        key.sessions.add(packet.session)
        created = bytes(types.NewSessionCreated(packet.message_id, packet.session, key.salt))
        self._send(self._together(created, bytes(types.MsgsAck([packet.message_id]))))

    def _together(self, *bodies: bytes) -> bytes:
        """Several messages in one."""
        inner = b""
        for body in bodies:
            inner += struct.pack("<qii", self._ids.next(self._world.now_seconds(), reply=False), 1, len(body)) + body
        return struct.pack("<Ii", _CONTAINER, len(bodies)) + inner

    def _read(self, message_id: int, body: bytes) -> None:
        try:
            self._one(message_id, read_object(body))
        except TypeNotFoundError as error:
            message = f"INPUT_METHOD_INVALID_{error.invalid_constructor_id}_0"
            self._result(message_id, bytes(types.RpcError(400, message)))

    def _one(self, message_id: int, said: Any) -> None:
        if isinstance(said, MessageContainer):
            for inner in said.messages:
                self._one(inner.msg_id, inner.obj)
        elif isinstance(said, GzipPacked):
            self._read(message_id, said.data)
        elif isinstance(said, functions.PingRequest | functions.PingDelayDisconnectRequest):
            self._send(types.Pong(message_id, said.ping_id))
        elif not isinstance(said, types.MsgsAck | types.MsgsStateInfo):
            self._call(message_id, said)

    # Calls

    def _call(self, message_id: int, request: Any) -> None:
        quiet = False
        while isinstance(request, _WRAPPERS):
            quiet = quiet or isinstance(request, functions.InvokeWithoutUpdatesRequest)
            request = request.query
        self._wants_updates = self._wants_updates or not quiet  # any call that does not refuse them asks for updates
        if isinstance(request, bytes):
            request = read_object(request)
        method, phone = method_of(request), self.phone
        try:
            fault = self._world.faults.meet(method, phone)
        except Refusal as refusal:
            self._refuse(message_id, method, request, refusal)
            return
        if fault is None:
            self._answer(message_id, method, request)
        elif fault.seconds:
            self._later(self._after(fault.seconds, message_id, method, request, fault))
        else:
            self._suffer(message_id, method, request, fault)

    async def _after(self, seconds: float, message_id: int, method: str, request: Any, fault: Fault) -> None:
        await asyncio.sleep(seconds)
        self._suffer(message_id, method, request, fault)

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _suffer(self, message_id: int, method: str, request: Any, fault: Fault) -> None:
        if fault.error:
            self._refuse(message_id, method, request, Refusal(*fault.error))
        elif fault.transport is not None:
            self._world.journal.note_call(method, self.phone, request, str(fault.transport))
            self.transport_error(fault.transport)
        elif fault.cut:
            self._world.journal.note_call(method, self.phone, request, f"cut: {fault.cut}")
            self.cut(fault.cut)
        elif fault.unknown:
            self._world.journal.note_call(method, self.phone, request, "unknown constructor")
            self._result(message_id, struct.pack("<Iq", wire.UNKNOWN, 7))
        else:
            self._answer(message_id, method, request, lost=fault.swallow)

    def _answer(self, message_id: int, method: str, request: Any, *, lost: bool = False) -> None:
        assert self.key is not None
        try:
            with self._world.lock:
                self._world.accounts.refuse(self.key, method)
                reply = answer(Visit(self._world, self.key, self._dc), method, request)
        except Refusal as refusal:
            self._refuse(message_id, method, request, refusal)
        except Exception as mistake:  # noqa: BLE001 - kept, and raised where the world is closed
            self._world.journal.mistakes.append(mistake)
            self._refuse(message_id, method, request, Refusal(400, "MISTAKE_OF_THE_WORLD"))
        else:
            self._world.journal.note_call(method, self.phone, request, "swallowed" if lost else None)
            if not lost:
                self._reply(message_id, reply)

    def _reply(self, message_id: int, reply: Reply) -> None:
        self._result(message_id, reply.body)
        if reply.channel_id is not None:
            self._world.journal.note_shown(reply.channel_id, reply.shows)

    def _refuse(self, message_id: int, method: str, request: Any, refusal: Refusal) -> None:
        self._world.journal.note_call(method, self.phone, request, refusal.message)
        self._result(message_id, bytes(types.RpcError(refusal.code, refusal.message)))

    # What goes out

    def push(self, push: Push) -> None:
        """Carry updates of a channel to this client, if it wants them and the account receives them."""
        account = self.key.account if self.key else None
        if account is None or not self._listens():
            return
        with self._world.lock:
            channel = self._world.channel(push.channel_id)
            if not self._world.audience.receives(account, channel):
                return
            chats = [wire.chat(channel, account)]
        self.tell(types.Updates(list(push.updates), [], chats, wire.date(self._world.clock.now()), 0))
        self._world.journal.note_shown(push.channel_id, push.shows, pushed=True)

    def tell(self, updates: Any) -> None:
        """Send an Updates object unasked."""
        if self._listens():
            self._send(self._beside(bytes(updates)), reply=False)

    def _listens(self) -> bool:
        account = self.key.account if self.key else None
        at_home = account is None or account.dc == self._dc  # another data centre has files, not updates
        return at_home and self._wants_updates and not (self._world.faults.black_hole or self._lane.writer.is_closing())

    def transport_error(self, code: int) -> None:
        """Four bytes in a frame; -429 comes three times and bare in the full framing, as has been observed."""
        if code == -429 and isinstance(self._framing, Full):
            self._lane.write(struct.pack("<iii", code, code, code))
        else:
            self._write(struct.pack("<i", code))

    def cut(self, how: CutHow) -> None:
        """End the connection: at once with RST, in order with FIN, or only our half of it."""
        if how == "half":
            self._silent = True
            with suppress(OSError):
                self._lane.writer.write_eof()
        elif how == "close":
            self._lane.writer.close()
        else:
            reset(self._lane.writer)

    def pending(self) -> int:
        """Bytes that the client has not taken yet."""
        return int(self._lane.writer.transport.get_write_buffer_size())

    def _result(self, message_id: int, body: bytes) -> None:
        if self._world.gzip and len(body) > _WORTH_PACKING:
            packed = struct.pack("<I", GzipPacked.CONSTRUCTOR_ID) + TLObject.serialize_bytes(gzip.compress(body, 1))
            body = min(body, packed, key=len)
        answer = struct.pack("<Iq", _RPC_RESULT, message_id) + body
        self._send(self._beside(answer))

    def _beside(self, body: bytes) -> bytes:
        """The same, if it is to be so in one packet with what nobody can read."""
        if not self._world.faults.unknown_beside:
            return body
        return self._together(bytes(wire.unknown_updates()), body)

    def _send(self, body: Any, *, reply: bool = True) -> None:
        assert self.key is not None
        key = self.key
        number = self._ids.next(self._world.now_seconds(), reply=reply)
        self._seqno += 2
        sealed = seal(key.auth.key, key.id, key.salt, self._session, number, self._seqno - 1, bytes(body))
        self._write(sealed)

    def _write(self, packet: bytes) -> None:
        if self._framing is not None and not (self._silent or self._lane.writer.is_closing()):
            self._lane.write(self._framing.pack(packet))


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    held = writer.get_extra_info("socket")
    with suppress(OSError):
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

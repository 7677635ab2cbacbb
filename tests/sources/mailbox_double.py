"""A small IMAP server with one folder, for the contract suite; tests/imap_server.py is a real one."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from email import message_from_bytes

_FOLDER = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] lasting\r\n* OK [UIDNEXT %d] next\r\n"


class MailboxDouble:
    """Letters are numbered from 1, or as given; every login is welcome. After `left` commands the line is dead."""

    def __init__(self, letters: Sequence[bytes] | Mapping[int, bytes], left: int = 1 << 30) -> None:
        self.letters = letters if isinstance(letters, Mapping) else dict(enumerate(letters, 1))
        self.next = max(self.letters, default=0) + 1
        self.left = left

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other side leaves."""
        writer.write(b"* OK the town's mailbox\r\n")
        while line := (await reader.readline()).strip():
            tag, _, command = line.partition(b" ")
            if command.startswith(b"AUTHENTICATE"):
                writer.write(b"+\r\n")
                await writer.drain()
                await reader.readline()
            for piece in self._answers(command.decode()):
                writer.write(piece)
            writer.write(tag + b" OK done\r\n")
            await writer.drain()

    def _answers(self, command: str) -> list[bytes]:
        self.left -= 1
        if self.left < 0:
            raise ConnectionResetError
        if command == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"]
        if command.startswith("EXAMINE"):
            return [_FOLDER % self.next]
        if command.startswith("UID SEARCH"):
            first = re.search(r"UID (\d+):\*", command)
            low = min(int(first[1]), max(self.letters, default=0)) if first else 1
            return [b"* SEARCH " + b" ".join(b"%d" % uid for uid in self.letters if uid >= low) + b"\r\n"]
        if found := re.match(r"UID FETCH ([0-9,]+) ", command):
            return [
                self._letter(int(uid), heads="HEADER.FIELDS" in command)
                for uid in found[1].split(",")
                if int(uid) in self.letters
            ]
        return []

    def _letter(self, uid: int, *, heads: bool) -> bytes:
        letter = self.letters[uid]
        if heads:
            sender = b"From: " + str(message_from_bytes(letter)["From"]).encode() + b"\r\n\r\n"
            arrived = b'INTERNALDATE "30-Nov-2026 10:00:00 +0000"'
            fields = b"RFC822.SIZE %d %s BODY[HEADER.FIELDS (FROM)] {%d}\r\n%s" % (
                len(letter),
                arrived,
                len(sender),
                sender,
            )
        else:
            fields = b"BODY[]<0> {%d}\r\n%s" % (len(letter), letter)
        return b"* %d FETCH (UID %d %s)\r\n" % (uid, uid, fields)

"""One conversation with a mail server (RFC 5321): greeting, encryption, login, and one letter."""

import re
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Literal

from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from bot.http.connections import BadCertificate
from bot.http.masking import strike_secrets
from bot.http.wire import Wire
from storage.frozen import dataclass

Tls = Literal["starttls", "implicit", "none"]
_LINE = 4_096
_MOST_LINES = 100
_SERVICE_ENDS = 421
_NO_ROOM = (552, 523)  # the letter is larger than the server takes
_FULL = 552  # to one recipient: too many of them in one letter, or a full mailbox (RFC 5321 4.5.3.1.10)


@dataclass(frozen=True, slots=True)
class MailReply:
    """What the server answered: its code, and its words made safe."""

    code: int
    lines: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 400

    @property
    def for_now(self) -> bool:
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.code} {clip(' '.join(self.lines), 200)}".rstrip()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who took the letter, and the answers to the others."""

    took: tuple[str, ...] = ()
    refused: dict[str, MailReply] = field(default_factory=dict)


class TooLarge(Exception):
    """The server does not take a letter of this size."""


class LetterRefused(Exception):
    """The server refuses this letter, after it has read it; the text is its answer."""


class Conversation:
    """One connection. Every failure is Later or Never; `unsure` once the letter's last line has been written."""

    def __init__(self, wire: Wire, host: str, secrets: Sequence[str] = ()) -> None:
        self._wire = wire
        self._host = host
        self._secrets = secrets
        self._offers: dict[str, str] = {}
        self.unsure = False
        self.greeted = False

    async def open(self, name: str, tls: Tls, ca_file: Path | None) -> None:
        """Get to where a letter may be handed over, or a login; `name` is how we introduce ourselves."""
        if tls == "implicit":
            await self._encrypt(ca_file)
        greeting = await self._hear()
        self.greeted = True
        self._expect(greeting, "does not talk to this machine", remedy="ask who runs the mail server")
        await self._introduce(name)
        if tls != "starttls":
            return
        if "STARTTLS" not in self._offers:
            raise Never(
                f"{self._host} offers no encryption, so nothing was sent",
                remedy='use another port, or tls = "implicit"',
            )
        self._expect(await self._say("STARTTLS"), "does not begin encryption", remedy='try tls = "implicit"')
        if self._wire.unread:
            raise Later(f"{self._host} sent words ahead of the encryption: somebody may be in between")
        await self._encrypt(ca_file)
        await self._introduce(name)

    async def log_in(self, user: str, password: str, remedy: str) -> None:
        ways = self._offers.get("AUTH", "").upper().split()
        if "PLAIN" in ways:
            answer = await self._say(f"AUTH PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
        elif "LOGIN" in ways:
            answer = await self._say("AUTH LOGIN")
            for words in (user, password):
                if answer.code == 334:
                    answer = await self._say(_base64(words))
        else:
            raise Never(f"{self._host} offers no login by password here", remedy="use another port, or leave out user")
        self._expect(answer, "refuses the login", remedy=remedy)

    async def send(self, sender: str, recipients: Sequence[str], letter: bytes) -> Outcome:
        """Hand over one letter to as many recipients as accept it. Raises TooLarge, LetterRefused, Later, Never."""
        room = self._offers.get("SIZE", "")
        if room.isdecimal() and 0 < int(room) < len(letter):
            raise TooLarge
        size = f" SIZE={len(letter)}" if "SIZE" in self._offers else ""
        answer = await self._say(f"MAIL FROM:<{sender}>{size}")
        if answer.code in _NO_ROOM:
            raise TooLarge
        self._expect(answer, f"does not take mail from {sender}", remedy="check `from`, user and password_file")
        took, refused = [], {}
        for recipient in recipients:
            answer = await self._say(f"RCPT TO:<{recipient}>")
            if answer.code == _FULL:
                answer = MailReply(452, answer.lines)
            if answer.ok:
                took.append(recipient)
            else:
                refused[recipient] = answer
        if took:
            await self._hand_over(letter)
        return Outcome(tuple(took), refused)

    async def take_leave(self) -> None:
        """Say goodbye, and wait for no answer: whatever mattered has been answered."""
        with suppress(Later):
            await self._wire.write(b"QUIT\r\n")

    async def _hand_over(self, letter: bytes) -> None:
        self._expect(await self._say("DATA"), "takes no letter now", remedy="ask who runs the mail server")
        await self._wire.write(re.sub(rb"(?m)^\.", b"..", letter).removesuffix(b"\r\n") + b"\r\n")
        self.unsure = True
        await self._wire.write(b".\r\n")
        answer = await self._hear()
        self.unsure = False
        if answer.ok:
            return
        if answer.code in _NO_ROOM:
            raise TooLarge
        if not answer.for_now:
            raise LetterRefused(str(answer))
        raise Later(f"{self._host} did not take the letter: {answer}")

    async def _introduce(self, name: str) -> None:
        answer = await self._say(f"EHLO {name}")
        self._expect(answer, "does not accept this machine", remedy="ask who runs the mail server")
        self._offers = {}
        for line in answer.lines[1:]:
            keyword, _, values = line.partition(" ")
            self._offers[keyword.upper()] = values

    async def _encrypt(self, ca_file: Path | None) -> None:
        try:
            await self._wire.start_tls(ca_file)
        except BadCertificate as problem:
            remedy = "write the name in the certificate as `host`, or give its authority as `ca_file`"
            raise Never(problem.reason, remedy=remedy) from None

    async def _say(self, command: str) -> MailReply:
        await self._wire.write(f"{command}\r\n".encode("ascii"))
        return await self._hear()

    async def _hear(self) -> MailReply:
        """The next answer, of one or several lines."""
        lines: list[str] = []
        while len(lines) < _MOST_LINES:
            line = await self._wire.read_line(_LINE)
            found = re.fullmatch(rb"([2-5][0-9]{2})([ -]?)(.*)", line, re.DOTALL)
            if not found:
                break
            words = found[3].decode("utf-8", "replace")
            lines.append(one_line(strike_secrets(words, *self._secrets)[:500]))
            if found[2] != b"-":
                answer = MailReply(int(found[1]), tuple(lines))
                if answer.code == _SERVICE_ENDS:
                    raise Later(f"{self._host} ends the conversation: {answer}")
                return answer
        raise Later(f"{self._host} does not answer as a mail server does")

    def _expect(self, answer: MailReply, otherwise: str, remedy: str) -> None:
        if answer.for_now:
            raise Later(f"{self._host} {otherwise}: {answer}")
        if not answer.ok:
            raise Never(f"{self._host} {otherwise} ({answer})", remedy=remedy)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")

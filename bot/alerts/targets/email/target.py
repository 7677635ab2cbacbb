"""Alerts as letters to any number of people, through one mail server (SMTP, RFC 5321)."""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_address
from itertools import accumulate
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bot.alerts.targets.email.conversation import Conversation, LetterRefused, MailReply, Outcome, Tls, TooLarge
from bot.alerts.targets.email.letter import compose, message_id
from bot.alerts.targets.email.mailboxes import read_host, read_mailbox
from bot.clock import SECOND, Clock
from bot.contracts.message import Attachment
from bot.contracts.secrets import read_secret
from bot.contracts.settings import ConfigPath, SecretFile
from bot.contracts.target import Message, MessageRefused, PartlySent, Shows, TargetSettings, TargetTools
from bot.errors import Later, Never
from bot.http import Http

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
_HINTS = {  # where the server has said nothing in the clear, or nothing in TLS
    "starttls": ' (perhaps this port expects tls = "implicit")',
    "implicit": ' (perhaps this port expects tls = "starttls")',
    "none": ' (perhaps this port expects tls = "implicit")',
}
_LARGEST = 7 << 20  # as base64 this is below 10 MB, the limit that Postfix has by itself
_TOGETHER = 20  # files in one letter
_RECIPIENTS = 50
_SOON = 60  # seconds: a server that puts a recipient off rarely means less
_LONGEST_WAIT = 3_600
_WITH_FILE_S, _DEADLINE_S = 60.0, 45.0  # together less than an outbox allows one message

_File = tuple[Attachment, bytes]


def _mailbox(written: str) -> str:
    read_mailbox(written)
    return written


def _some(written: tuple[str, ...]) -> tuple[str, ...]:
    if not 0 < len(written) <= _RECIPIENTS:
        raise ValueError(f"expected 1 to {_RECIPIENTS} recipients, got {len(written)}")
    return written


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "email"; without `user` nobody logs in."""

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["email"]
    host: Annotated[str, AfterValidator(read_host)]
    port: Annotated[int, Field(gt=0, lt=65_536)] | None = None  # None: 587, 465 for "implicit", 25 for "none"
    tls: Tls = "starttls"
    user: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    password_file: SecretFile | None = None
    ca_file: ConfigPath | None = None  # authorities to trust besides the well-known ones
    sender: Annotated[str, AfterValidator(_mailbox)] = Field(alias="from")
    media: bool = True  # False: no files go with alerts
    to: Annotated[tuple[Annotated[str, AfterValidator(_mailbox)], ...], AfterValidator(_some)]

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.tls == "none" and not _is_loopback(self.host):
            raise ValueError('tls = "none" is only for a mail server on this machine: use "starttls" or "implicit"')
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together: give both or none")
        return self

    @property
    def at(self) -> int:
        """The port."""
        return self.port or _PORTS[self.tls]

    def sends_to(self) -> str:
        """The recipients."""
        return " ".join(sorted(read_mailbox(one).address.casefold() for one in self.to))

    def addresses(self) -> tuple[str, ...]:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"smtp://{host}:{self.at}",)

    def warnings(self) -> tuple[tuple[str, str], ...]:
        if self.ca_file is None or self.ca_file.is_file():
            return ()
        return (("ca_file", f"{self.ca_file} is not there"),)


class Mail:
    """One mail server and the people behind it. Each message is one connection, one letter, one `Message-ID`.

    A recipient who is refused for good stops no other. One who is put off gets the letter later, alone.
    """

    shows = Shows("html", replies=True)
    idempotent = False
    at_once = 1
    account = None
    chat = None

    def __init__(
        self,
        settings: Settings,
        http: Http,
        clock: Clock,
        deadlines_s: tuple[float, float] = (_WITH_FILE_S, _DEADLINE_S),
    ) -> None:
        self.settings = settings
        if settings.media:
            self.shows = replace(self.shows, file_bytes=_LARGEST, together=_together)
        self._with_file_s, self._deadline_s = deadlines_s
        self._http = http
        self._clock = clock
        self._sender = read_mailbox(settings.sender)
        self._recipients = list({one.address.casefold(): one for one in map(read_mailbox, settings.to)}.values())

    async def ready(self) -> None:
        """A mail server asks for a pause itself."""

    async def send(self, message: Message) -> str:
        """Send one letter to those who do not have it yet; the receipt holds its `Message-ID`."""
        have = _read_progress(message.progress)
        missing = [one.address for one in self._recipients if _mark(one.address) not in have]
        outcome = await self._outcome(message, missing)
        have |= set(map(_mark, outcome.took))
        name = message_id(message, self._sender)
        if not outcome.refused:
            return json.dumps({"message_id": name})
        waiting = any(answer.for_now for answer in outcome.refused.values())
        reason, retry_at = self._left_out(outcome.refused), self._clock.now() + _longest_wait(outcome.refused) * SECOND
        if have:
            receipt = json.dumps({"message_id": name, "took": sorted(have)})
            hint = "" if waiting else "; correct `to`"
            raise PartlySent(
                f"{reason}; the others have the letter{hint}", receipt=receipt, over=not waiting, retry_at=retry_at
            )
        if waiting:
            raise Later(reason, retry_at=retry_at)
        raise Never(reason, remedy="correct `to`, or ask who runs the mail server")

    async def check(self) -> str:
        """Connect, encrypt and log in; no letter is sent."""
        async with self._opened(self._deadline_s):
            return f"the mail server takes the login of {self.settings.user}" if self.settings.user else "no login"

    async def _outcome(self, message: Message, recipients: Sequence[str]) -> Outcome:
        files = await asyncio.to_thread(_read, message)
        if message.album and not files:
            raise MessageRefused("the files of this letter are not there any more")
        if files:
            try:
                return await self._post(message, recipients, files, self._with_file_s)
            except (TooLarge, LetterRefused):
                if message.album:  # nothing but files
                    raise MessageRefused(f"{self.settings.host} refuses a letter with these files") from None
                # perhaps because of the file: the words go alone
            except Later as problem:
                if not isinstance(problem.__cause__, TimeoutError) or problem.unsure or message.album:
                    raise
        try:
            return await self._post(message, recipients, (), self._deadline_s)
        except TooLarge:
            raise MessageRefused(f"{self.settings.host} takes no letter of this size") from None
        except LetterRefused as problem:
            raise MessageRefused(f"{self.settings.host} refuses this letter ({problem})") from None

    async def _post(
        self, message: Message, recipients: Sequence[str], files: Sequence[_File], deadline: float
    ) -> Outcome:
        letter = compose(message, self._sender, self._recipients, self.settings.name, self._clock.now(), files)
        async with self._opened(deadline) as conversation:
            return await conversation.send(self._sender.address, recipients, letter)

    @asynccontextmanager
    async def _opened(self, deadline: float) -> AsyncIterator[Conversation]:
        """A conversation in which a letter may be handed over. Raises Later, `unsure` if it may have arrived."""
        settings, conversation = self.settings, None
        password = read_secret(settings.password_file) if settings.password_file else ""
        try:
            async with asyncio.timeout(deadline):
                wire = await self._http.connect(settings.host, settings.at)
                conversation = Conversation(wire, settings.host, _forms(settings.user, password))
                try:
                    await conversation.open(self._sender.host, settings.tls, settings.ca_file)
                    if settings.user and settings.password_file:
                        remedy = f"check user, and the password in {settings.password_file.path}"
                        await conversation.log_in(settings.user, password, remedy)
                    yield conversation
                    await conversation.take_leave()
                finally:
                    await wire.aclose()
        except (TimeoutError, Later) as problem:
            unsure = conversation is not None and conversation.unsure
            hint = _HINTS[settings.tls] if conversation is not None and not conversation.greeted else ""
            if isinstance(problem, Later):
                problem.unsure = unsure
                if not hint:
                    raise
                raise Later(f"{problem.reason}{hint}", unreached=problem.unreached) from problem
            words = f"{settings.host} did not finish within {deadline:g} s{hint}"
            raise Later(words, unsure=unsure, unreached=not unsure) from problem

    def _left_out(self, refused: dict[str, MailReply]) -> str:
        """Who did not get the letter; the words of a server change, so only its code says why it refuses somebody."""
        host = self.settings.host
        parts = [f"{host} refuses mail to {who} ({said.code})" for who, said in refused.items() if not said.for_now]
        parts += [f"{host} takes no mail to {who} for now: {said}" for who, said in refused.items() if said.for_now]
        return "; ".join(parts)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _forms(user: str | None, password: str) -> tuple[str, ...]:
    """The password in every form in which a server could repeat it."""
    if not password:
        return ()
    both = f"{chr(0)}{user}{chr(0)}{password}"
    return (password, *(b64encode(words.encode()).decode("ascii") for words in (password, both)))


def _longest_wait(refused: dict[str, MailReply]) -> int:
    """Seconds: what a server says to whom it puts off ("try again in 300 seconds"), a minute if it does not say."""
    waits = [_SOON]
    for answer in refused.values():
        found = re.search(r"\b([0-9]{1,5}) ?(s|secs?|seconds?|mins?|minutes?)\b", str(answer), re.IGNORECASE)
        if answer.for_now and found:
            waits.append(int(found[1]) * (1 if found[2].lower().startswith("s") else 60))
    return min(max(waits), _LONGEST_WAIT)


def _mark(address: str) -> str:
    """A recipient in a receipt: fifty of them fit."""
    return sha256(address.casefold().encode()).hexdigest()[:10]


def _read_progress(progress: str | None) -> set[str]:
    """Who has the letter already, as `_mark` writes them."""
    return set(json.loads(progress).get("took", ())) if progress else set()


def _together(files: Sequence[Attachment]) -> Sequence[Attachment]:
    """The first files, as many as one letter takes."""
    sizes = accumulate(file.size for file in files[:_TOGETHER])
    return files[: max(1, sum(size <= _LARGEST for size in sizes))]


def _read(message: Message) -> list[_File]:
    """The files of a message that can still be read; without one its words go alone."""
    found = []
    for file in (message.attachment, *message.album):
        with suppress(OSError):
            found += [(file, file.path.read_bytes())] if file else []
    return found


def build(settings: Settings, surroundings: TargetTools) -> Mail:
    """Make the target behind a checked `[[targets]]` entry."""
    return Mail(settings, surroundings.http, surroundings.clock)

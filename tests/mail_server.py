"""A mail server on loopback (aiosmtpd): what it took, and what a test wants it to refuse, put off or leave unanswered."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as AS_MAIL
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from bot.world import stop_listening


@dataclass
class Letter:
    """What the server took: for whom, the bytes, and those bytes read by another program than ours."""

    recipients: list[str]
    sender: str
    content: bytes
    encrypted: bool
    user: object

    @property
    def read(self) -> EmailMessage:
        found = message_from_bytes(self.content, _class=EmailMessage, policy=AS_MAIL)
        assert isinstance(found, EmailMessage)
        return found

    def part(self, kind: str) -> str:
        body = self.read.get_body((kind,))
        assert body is not None
        return str(body.get_content())


@dataclass
class MailServer:
    """`answers` are to recipients ("*": to all); `after_letter` is the answer to a letter, None: it gets none."""

    port: int = 0
    letters: list[Letter] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    after_letter: list[str | None] = field(default_factory=list)
    to_sender: str = "250 OK"
    password: str = "s3cret"
    asked: list[str] = field(default_factory=list)  # every recipient that a client named
    size: int = 33_554_432

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds these by name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if self.to_sender.startswith("250"):
            envelope.mail_from = address
        return self.to_sender

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.asked.append(address)
        answer = self.answers.get(address, self.answers.get("*", "250 OK"))
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.after_letter.pop(0) if self.after_letter else "250 taken"
        if answer is None or answer.startswith("250"):
            content = envelope.original_content or b""
            encrypted = server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
            self.letters.append(
                Letter(envelope.rcpt_tos, str(envelope.mail_from), content, encrypted, session.auth_data)
            )
        if answer is None:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "451 never read"
        return answer

    def authenticate(self, _: Any, __: Any, ___: Any, ____: str, data: Any) -> AuthResult:
        good = data.password.decode() == self.password
        return AuthResult(success=good, handled=good, auth_data=data.login.decode() if good else None)


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> Iterator[MailServer]:
    """With `tls` it offers STARTTLS and wants it and a login, or talks TLS from the first byte if `implicit`."""
    mail = MailServer()
    loop = asyncio.new_event_loop()
    made: list[SMTP] = []

    def make() -> SMTP:
        talk = SMTP(
            mail,
            data_size_limit=mail.size,
            hostname="mail.example",
            ident="a mail server",
            tls_context=None if implicit else tls,
            require_starttls=tls is not None and not implicit,
            authenticator=mail.authenticate,
            auth_require_tls=not implicit,
            loop=loop,
        )
        made.append(talk)
        return talk

    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0, ssl=tls if implicit else None))
    mail.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        await stop_listening(server)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:  # the clients are gone, so they end by themselves
            await asyncio.wait(tasks, timeout=30)
        for talk in made:
            for transport in (talk.transport, talk._original_transport):
                if isinstance(transport, asyncio.Transport):
                    transport.abort()
        await asyncio.sleep(0.01)  # the loop closes what was aborted

    try:
        yield mail
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

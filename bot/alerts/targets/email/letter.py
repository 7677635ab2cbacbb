"""PURE: one message as a letter (RFC 5322): headers that no words can break, the same words plain and as HTML."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from bot.alerts.targets.email.mailboxes import Mailbox
from bot.contracts.message import Attachment, Message
from bot.foreign.graphemes import clip
from bot.foreign.header import encode_header
from bot.foreign.text import one_line

_SUBJECT = 150  # UTF-16 units
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_URGENCY = {"max": ("1", "high"), "high": ("2", "high"), "low": ("4", "low"), "min": ("5", "low")}


def compose(
    message: Message,
    sender: Mailbox,
    recipients: Sequence[Mailbox],
    target: str,
    now: int,
    files: Sequence[tuple[Attachment, bytes]] = (),
) -> bytes:
    """Write the letter; the same message has the same `Message-ID` at every attempt. `now` is microseconds UTC."""
    lines = [
        _header("From", _written(sender)),
        _header("To", ",\r\n ".join(map(_written, recipients))),
        _header("Subject", encode_header(subject(message), fold="\r\n ")),
        _header("Date", format_datetime(_EPOCH + timedelta(microseconds=now))),
        _header("Message-ID", message_id(message, sender)),
        _header("Auto-Submitted", "auto-generated"),
        _header("List-Id", f"<{_label(target)}.communique.{sender.host}>"),
    ]
    first = read_message_id(message.reply_to)
    if first is not None:
        lines += [_header("In-Reply-To", first), _header("References", first)]
    if message.priority in _URGENCY:
        number, word = _URGENCY[message.priority]
        lines += [_header("X-Priority", number), _header("Importance", word)]
    return "".join(lines).encode("ascii") + _body(message, files)


def subject(message: Message) -> str:
    """One line: what the alert is about, and the first words that were found."""
    title = message.plain.partition("\n")[0]
    return clip(one_line(f"{title}: {message.headline}" if message.headline else title), _SUBJECT)


def message_id(message: Message, sender: Mailbox) -> str:
    """The name of this letter in the world."""
    return f"<{message.id}@{sender.host}>"


def read_message_id(receipt: str | None) -> str | None:
    """The Message-ID in a receipt, if it is a whole one."""
    found = json.loads(receipt).get("message_id") if receipt else None
    return found if isinstance(found, str) and re.fullmatch(r"<[!-;=?-~]{3,300}>", found) else None


def _body(message: Message, files: Sequence[tuple[Attachment, bytes]]) -> bytes:
    letter = EmailMessage(SMTP)
    letter.set_content(message.plain + "\n", cte=_transfer(message.plain))
    page = "".join(f'<div dir="auto">{line or "<br>"}</div>\n' for line in message.text.split("\n"))
    page = f'<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n{page}</body></html>\n'
    letter.add_alternative(page, subtype="html", cte=_transfer(page))
    for attached, data in files:
        main, _, sub = attached.mime.partition("/")
        letter.add_attachment(data, maintype=main, subtype=sub or "octet-stream", filename=attached.name)
    return letter.as_bytes()


def _transfer(text: str) -> str:
    """No server needs to know 8-bit letters or long lines then."""
    return "quoted-printable" if text.isascii() else "base64"


def _header(name: str, value: str) -> str:
    return f"{name}: {value}\r\n"


def _written(mailbox: Mailbox) -> str:
    return f"{encode_header(mailbox.name)} <{mailbox.address}>" if mailbox.name else mailbox.address


def _label(name: str) -> str:
    """The name of a target as a part of a host name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "alerts"

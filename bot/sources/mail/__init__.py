"""Kind `mail`: letters of chosen senders in one folder of a mailbox, read by IMAP without changing anything there."""

from bot.sources.mail.settings import Settings
from bot.sources.mail.source import build

__all__ = ["Settings", "build"]

"""What systemd wants to hear: READY, STATUS, WATCHDOG, STOPPING (sd_notify(3), without its library)."""

import socket
from contextlib import suppress


class Systemd:
    """Speaks to the socket that systemd named, or to nobody."""

    def __init__(self, notify_socket: str | None) -> None:
        self._address = notify_socket

    def ready(self, status: str) -> None:
        self._say(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        self._say(f"STATUS={status}")

    def alive(self) -> None:
        self._say("WATCHDOG=1")

    def reloading(self, monotonic_usec: int) -> None:
        self._say(f"RELOADING=1\nMONOTONIC_USEC={monotonic_usec}")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def _say(self, words: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            # A supervisor that is busy or went away must not take the monitor with it; the next word may reach it.
            with suppress(OSError):
                out.sendto(words.encode(), address)

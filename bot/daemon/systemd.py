"""Reports to systemd: READY, STATUS, WATCHDOG, STOPPING (sd_notify(3), without its library)."""

import socket
from contextlib import suppress


class Systemd:
    """Writes to the socket that systemd named; without one it does nothing."""

    def __init__(self, notify_socket: str | None) -> None:
        self._address = notify_socket

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def reloading(self, monotonic_usec: int) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_usec}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            # A supervisor that is busy or gone must not end the monitor; it may get the next message.
            with suppress(OSError):
                out.sendto(message.encode(), address)

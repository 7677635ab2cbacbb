"""One guarded connection for a protocol that is not HTTP: lines in, bytes out, TLS when it is wanted."""

import ssl
from collections.abc import Callable
from pathlib import Path

from bot.errors import Later
from bot.http.connections import Broken, Connection, describe_error

_CHUNK = 65_536


class Wire:
    """An open connection to a checked address, or through the proxy. The deadline of each call is the caller's.

    Whatever breaks is raised as `Later`, which says nothing of what was under way.
    """

    def __init__(self, connection: Connection, authorities: Callable[[Path | None], ssl.SSLContext]) -> None:
        self._connection = connection
        self._authorities = authorities
        self._unread = b""

    @property
    def unread(self) -> bool:
        """Whether more has arrived than was read: before TLS this is somebody's attempt to slip words in."""
        return bool(self._unread)

    async def read_line(self, cap: int) -> bytes:
        """One line without its end, at most `cap` bytes long."""
        while b"\n" not in self._unread:
            if len(self._unread) > cap:
                raise Later(f"{self._connection.host} sent a line of more than {cap} bytes")
            self._unread += await self._arrive()
        line, _, self._unread = self._unread.partition(b"\n")
        return line.removesuffix(b"\r")

    async def read_exactly(self, count: int, sink: Callable[[bytes], object]) -> None:
        """Hand so many bytes to `sink`, piece by piece as they come."""
        while count:
            if not self._unread:
                self._unread = await self._arrive()
            piece, self._unread = self._unread[:count], self._unread[count:]
            sink(piece)
            count -= len(piece)

    async def read_some(self) -> bytes:
        """What has arrived, at least one byte."""
        arrived, self._unread = self._unread or await self._arrive(), b""
        return arrived

    async def write(self, data: bytes) -> None:
        try:
            await self._connection.write(data)
        except Broken as error:
            raise self._broken(describe_error(error)) from error

    async def start_tls(self, ca_file: Path | None) -> None:
        """Encrypt from here on. `ca_file` is a PEM file of authorities to trust besides the well-known ones.

        Raises Never if it cannot be read, BadCertificate if the other side has none that holds.
        """
        await self._connection.start_tls(self._authorities(ca_file))

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _arrive(self) -> bytes:
        try:
            arrived = await self._connection.read(_CHUNK)
        except Broken as error:
            raise self._broken(describe_error(error)) from error
        if not arrived:
            raise self._broken("it closed the connection")
        return arrived

    def _broken(self, why: str) -> Later:
        return Later(f"the connection to {self._connection.host} broke: {why}", unreached=True)

"""Opens connections to checked addresses only, and with a certificate that holds."""

import asyncio
import os
import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from hashlib import sha256

import anyio
import anyio._backends._asyncio  # else the first connection waits for it, inside its deadline
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

from bot.errors import Later
from bot.http.addresses import is_public, read_address
from storage.state_names import PROXY_DOWN

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_PATIENCE = 4.0  # seconds for each address of a host but the last, so that a broken IPv6 route costs no deadline


_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError)


class BadCertificate(Later):
    """The other side has no certificate that holds: expired, for another name, or signed by nobody who is trusted."""


class Resolver:
    """The system's resolver in threads of its own, so that a dead name server holds up nothing but names."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Broken(Exception):
    """A connection broke; the text says how, or the system's own error below this one."""


class Unsent(Broken):
    """It broke while something was sent."""


class _Arrivals(ByteStream):
    """The bytes of a socket. `more`: it may hold some that it has not handed out, as asyncio reads larger pieces."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.more = False

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        data = await self._stream.receive(max_bytes)
        self.more = len(data) == max_bytes
        return data

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


class Connection:
    """One connection. Raises Broken."""

    def __init__(self, stream: ByteStream, host: str) -> None:
        self._arrivals = _Arrivals(stream)
        self._stream: ByteStream = self._arrivals
        self._socket = stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610 - this is no Django
        self._tls: ssl.SSLObject | None = None
        self.host = host

    @property
    def readable(self) -> bool:
        """Whether bytes wait there, here or in the system, or the other side has hung up."""
        descriptor = -1 if self._socket is None else self._socket.fileno()
        if descriptor < 0 or self._arrivals.more or (self._tls and _holds_more(self._tls)):
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    @cached_property
    def certificate(self) -> str | None:
        """The SHA-256 of what the other side showed, as hex; None without TLS."""
        shown = self._tls.getpeercert(binary_form=True) if self._tls else None
        return sha256(shown).hexdigest() if shown else None

    async def read(self, most: int) -> bytes:
        """What has arrived; b"" where the other side says no more."""
        try:
            return await self._stream.receive(most)
        except anyio.EndOfStream:
            return b""
        except _GONE as error:
            raise Broken from error

    async def read_exactly(self, count: int) -> bytes:
        """Raises Broken where fewer bytes come."""
        data = b""
        while len(data) < count:
            chunk = await self.read(count - len(data))
            if not chunk:
                raise Broken("it closed the connection")
            data += chunk
        return data

    async def write(self, data: bytes) -> None:
        try:
            if data:
                await self._stream.send(data)
        except _GONE as error:
            raise Unsent from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands with the named host. Raises Later with what is wrong with its certificate."""
        try:
            secured = await TLSStream.wrap(
                self._arrivals, hostname=self.host, ssl_context=context, standard_compatible=False
            )
        except BaseException as error:
            await self.aclose()
            if isinstance(error, anyio.BrokenResourceError | anyio.EndOfStream | ssl.SSLError):
                raise _broken_tls(self.host, error) from error
            raise
        self._stream = secured
        self._tls = secured.extra(TLSAttribute.ssl_object)  # noqa: S610 - this is no Django


class Guard:
    """Resolves a name, checks every address it has, and connects to one of those: nothing is resolved twice."""

    def __init__(self, private: frozenset[tuple[str, int]], resolve: Resolve, proxy: str = "") -> None:
        self._private = private
        self._resolve = resolve
        self._proxy = proxy  # its name, where every connection is one to the proxy

    async def connect(self, host: str, port: int) -> Connection:
        addresses = await self._checked(host, port)
        why = "it has no address"
        for address in addresses:
            try:
                async with asyncio.timeout(None if address == addresses[-1] else _PATIENCE):
                    return Connection(await anyio.connect_tcp(address, port), host)
            except TimeoutError:
                why = "no answer"
            except OSError as error:
                why = describe_error(error)
        raise self._failure(host, why)

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        literal = read_address(host)
        try:
            addresses = [literal] if literal else list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise self._failure(host, f"its name cannot be resolved ({describe_error(error)})") from error
        closed = [address for address in addresses if not is_public(address)]
        if closed and (host.rstrip("."), port) not in self._private:
            why = f"its name leads to the private address {closed[0]}, which [http] allow_private_addresses"
            raise self._failure(host, f"{why} does not open")
        return addresses

    def _failure(self, host: str, why: str) -> Later:
        if self._proxy:
            reason = f"the proxy {self._proxy} cannot be reached, so nothing was sent: {why}"
            return Later(reason, state=PROXY_DOWN, unreached=True)
        return Later(f"{host} cannot be reached: {why}", unreached=True)


def _holds_more(tls: ssl.SSLObject) -> bool:
    """Whether more was received than was read: words, or that the other side hangs up."""
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        pass  # what cannot be read is no silence either
    return True


def _broken_tls(host: str, error: BaseException) -> Later:
    why = ""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return BadCertificate(f"{host} has no valid certificate: {cause.verify_message}", unreached=True)
        if isinstance(cause, ssl.SSLError):
            why = why or f": {cause.reason or 'unknown reason'}"
    return Later(f"{host} aborts the TLS handshake{why}", unreached=True)


def describe_error(error: BaseException) -> str:
    """The operating system's own words for a failure, found below the wrappers of the network libraries."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            # asyncio writes an address into strerror; a resolver's errno is negative and no errno of the system
            words = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror
            return words.lower()
    return str(error)[:100] or "connection lost"


def _causes(error: BaseException) -> Iterable[BaseException]:
    """The error and everything below it."""
    seen: list[BaseException] = [error]
    for one in seen:
        below = [one.__cause__, *one.args, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
        seen.extend(cause for cause in below if isinstance(cause, BaseException) and cause not in seen)
    return reversed(seen)

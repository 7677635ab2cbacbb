"""Who hears of what: the servers that listen to the world, and the accounts that receive a channel's updates."""

import threading
from collections.abc import Callable
from contextlib import suppress

from tests.telegram_world.accounts import Account
from tests.telegram_world.channels import Channel
from tests.telegram_world.signals import Emit, Signal

POLLED_MOST = 10  # channels that one account can short-poll without having joined them


class Audience:
    """Thread-safe; what is told is told under the lock, so in the order in which it happened."""

    def __init__(self, lock: threading.RLock, monotonic: Callable[[], float]) -> None:
        self._lock = lock
        self._monotonic = monotonic
        self._listeners: list[Emit] = []

    def listen(self, listener: Emit) -> Callable[[], None]:
        """Call `listener` under the lock for every signal; returns the way to stop it."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    def listens(self) -> bool:
        """Whether anybody serves this world just now."""
        return bool(self._listeners)

    def tell(self, signal: Signal) -> None:
        for listener in self._listeners:
            listener(signal)

    def receives(self, account: Account, channel: Channel) -> bool:
        """Whether updates of a channel come to an account unasked: as a member, or as one of few short-pollers."""
        if account.id in channel.members:
            return not channel.gone
        open_to_all = not (channel.private or channel.gone or account.id in channel.banned)
        return open_to_all and account.polled.get(channel.id, 0) > self._monotonic()

    def poll(self, account: Account, channel: Channel, seconds: float) -> None:
        """Note a short poll: for so long updates come passively; the eleventh channel pushes out the oldest."""
        with self._lock:
            account.polled.pop(channel.id, None)
            account.polled[channel.id] = self._monotonic() + seconds
            while len(account.polled) > POLLED_MOST:
                del account.polled[next(iter(account.polled))]

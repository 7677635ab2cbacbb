"""What a source gets of the account: a reader for its channel, files, and whether a fallback is needed."""

from collections.abc import Callable

from bot.clock import Clock
from bot.errors import Later, Never
from bot.telegram.account import Account
from bot.telegram.channel_names import ChannelName
from bot.telegram.channels import SETTLE_S, ChannelReader
from bot.telegram.files import fetch_file
from bot.telegram.peers import Peers
from bot.telegram.refusals import AccountDead, AccountUnavailable
from storage.state_names import CLIENT_OUTDATED, NOT_SUPPORTED, PAGES_FORBIDDEN, WITHHELD

_SHORT = 60.0  # seconds that a connection may be away before the public pages are asked


class TelegramGateway:
    """One per account; all its sources share the resolved peers."""

    def __init__(self, account: Account, clock: Clock, *, settle_s: float = SETTLE_S) -> None:
        self.account = account
        self._settle_s = settle_s
        self.peers = Peers(account, clock)
        self._clock = clock

    def reader(self, wanted: ChannelName) -> ChannelReader:
        """A reader of one channel."""
        return ChannelReader(self.account, self.peers, wanted, self._clock, settle_s=self._settle_s)

    async def carry(self, reader: ChannelReader, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        """Bring a file. Raises Later (state TOO_BIG beyond `cap`) and Never."""
        await fetch_file(reader, self.account, url, sink, cap)

    def needs_fallback(self, problem: Later | Never) -> bool:
        """Whether the account cannot answer and the public pages may be used instead. Never past a configured proxy."""
        if problem.state in PAGES_FORBIDDEN or self.account.status.state in PAGES_FORBIDDEN:
            return False
        if isinstance(problem, AccountDead) or problem.state in (*WITHHELD, CLIENT_OUTDATED, NOT_SUPPORTED):
            return True
        if isinstance(problem, Later) and problem.obey:
            return True
        if isinstance(problem, AccountUnavailable) or (isinstance(problem, Later) and problem.unsure):
            return self.account.lost_for > _SHORT
        return False

    def is_withheld(self, problem: Later | Never) -> bool:
        """Whether the channel is withheld from this account, and will be for long."""
        return problem.state in WITHHELD

    @property
    def away(self) -> bool:
        """Whether the account is dead, or disconnected for so long that the public pages are used."""
        return self.account.status.dead or self.account.lost_for > _SHORT

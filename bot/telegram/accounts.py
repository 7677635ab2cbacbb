"""Several accounts side by side: which one reads a source, and which one takes over while that one is dead."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.telegram.gateway import TelegramGateway


@dataclass(slots=True)
class Accounts:
    """Every account by its name in the config. `homes` says which account reads each source; it does not change."""

    gateways: Mapping[str, TelegramGateway]
    homes: dict[str, str] = field(default_factory=dict)

    def place(self, source: str, wanted: str | None, *, public: bool) -> str:
        """The account of a source: the one that it names, else where it was, else the one with the fewest sources.

        A private channel that names no account is read by the first one: nobody else has joined it.
        """
        home = self.homes.get(source, "")
        if wanted is not None and wanted in self.gateways:
            home = wanted
        elif not public:
            home = next(iter(self.gateways))
        elif home not in self.gateways:
            count = Counter(self.homes.values())
            home = min(self.gateways, key=lambda name: count[name])
        self.homes[source] = home
        return home

    def reads(self, home: str, *, public: bool) -> TelegramGateway:
        """The gateway by which a source is read now: its own, or a living one while that is dead and it is public."""
        own = self.gateways[home]
        if not public or not own.account.status.dead:
            return own
        return next((one for one in self.gateways.values() if not one.account.status.dead), own)

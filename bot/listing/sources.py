"""Sources as documents: those of the archive and those that only the config names, and the account that reads them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from bot.clock import SECOND
from bot.documents.source import source_json, waits_json
from bot.listing.kinds import find_outline, reads_with_account
from storage.frozen import dataclass
from storage.status import Watch, measure_lags

if TYPE_CHECKING:
    from bot.config.entries import SourceEntry
    from storage.archive.database import Reader
    from storage.sources.telegram import AccountRow, WatchRow

SOURCE_COLUMNS = (
    "name", "kind", "state", "reason", "state_since", "tags", "side", "handle", "channel_id", "title", "enabled",
    "paused", "failures", "first_contact_at", "last_ok_at", "last_post_at", "watched_since", "watched_rounds",
    "longest_pause_s", "planned_every_s",
    "next_poll_at", "high_water", "posts", "deleted", "open_gaps", "mode", "lag_s", "account", "account_name",
    "stands_in",
    "flood_waits",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AccountView:
    """What the archive has on the Telegram account; empty without one. `waits` are those that are not over yet."""

    accounts: "Mapping[str, AccountRow]" = field(default_factory=dict)
    watches: "Mapping[str, WatchRow]" = field(default_factory=dict)
    lags: Mapping[str, int] = field(default_factory=dict)
    waits: Mapping[str, int] = field(default_factory=dict)

    def mode(self, source: str) -> str | None:
        """How the account watches a source; None where that is not known."""
        watch = self.watches.get(source)
        return None if watch is None else watch.mode

    def account(self, source: str) -> "AccountRow | None":
        """The account that reads a source; the only one where that is not known yet."""
        watch = self.watches.get(source)
        only = next(iter(self.accounts.values()), None) if len(self.accounts) == 1 else None
        return only if watch is None else self.accounts.get(watch.account, only)


def read_accounts(reader: "Reader", watches: Iterable[Watch], now: int) -> AccountView:
    """What the archive has on the account, where one of these sources is read with it."""
    from storage.sources import telegram

    lags = measure_lags(reader)
    if not any(reads_with_account(watch.kind) for watch in watches):
        return AccountView(lags=lags)
    return AccountView(
        {row.account: row for row in telegram.read_accounts(reader)},
        telegram.read_watches(reader),
        lags,
        {method: until for method, until in telegram.read_all_waits(reader).items() if until > now},
    )


def name_new(known: Iterable[Watch], entries: "Iterable[SourceEntry]") -> list[Watch]:
    """The sources of the config that the archive does not know yet."""
    named = {watch.name for watch in known}
    return [
        Watch(source.name, source.kind, json.dumps(source.tags), source.side, enabled=source.enabled)
        for source in entries
        if source.name not in named
    ]


def describe_sources(
    watches: Sequence[Watch], entries: "Iterable[SourceEntry]", view: AccountView
) -> Iterator[dict[str, object]]:
    """Each of these sources; `entries` are those of the config."""
    seconds = find_fallbacks(watches, entries)
    for watch in watches:
        yield source_json(watch) | _account_fields(watch, view) | {"stands_in": seconds.get(watch.name)}


def find_fallbacks(watches: Iterable[Watch], entries: "Iterable[SourceEntry]") -> dict[str, str]:
    """The fallback of each source that allows one: "public pages" or "nothing"."""
    handles = {watch.name: watch.handle for watch in watches}
    found = {}
    for source in entries:
        outline = find_outline(source.kind)
        public = outline.has_public_pages(source.given) if outline is not None and source.enabled else None
        if public is not None:
            found[source.name] = "public pages" if handles.get(source.name) or public else "nothing"
    return found


def _account_fields(watch: Watch, view: AccountView) -> dict[str, object]:
    """The fields of a source that the account reads; null for other sources."""
    mine = reads_with_account(watch.kind)
    lag = view.lags.get(watch.name)
    account = view.account(watch.name) if mine else None
    return {
        "mode": view.mode(watch.name) if mine else None,
        "lag_s": None if lag is None else round(lag / SECOND, 3),
        "account": account.state if account else None,
        "account_name": (account.account or None) if account else None,
        "flood_waits": waits_json(view.waits.items()) if mine else [],
    }

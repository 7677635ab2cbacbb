"""What an account at Telegram has learnt and may not forget: peers, waits, spent calls, its state, requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.state_names import NEEDS_SIGN_IN, RENAMED, current_name, stored_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.archive.database import Reader, Writer

RequestKind = Literal["check", "join", "logout", "status"]
RequestOutcome = Literal["ok", "later", "never"]
WatchMode = Literal["push", "short poll", "history poll", "public pages", "nothing"]
_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A channel as one account may call it; `access_hash` is worth nothing to another account.

    `asked` is how the config names it ("@name", "id:123", "invite:hash"). `joined` says that the account is a member.
    """

    asked: str
    channel_id: int
    access_hash: int
    handle: str | None
    title: str | None
    joined: bool


@dataclass(frozen=True, slots=True)
class AccountRow:
    """The account's state (`storage.state_names`), since when, and whose account it is."""

    state: str
    reason: str | None
    remedy: str | None
    state_since: int
    user: str | None
    account: str = ""  # its name in the config; empty where [telegram] describes the only one


@dataclass(frozen=True, slots=True)
class WatchRow:
    """How one source is watched."""

    source: str
    mode: WatchMode
    joined: bool
    account: str = ""


@dataclass(frozen=True, slots=True)
class RequestRow:
    """Something that a person asked of the process that holds the session; `outcome` is empty until it is done."""

    id: int
    kind: str  # a RequestKind, or one of a newer version
    source: str
    asked_at: int
    done_at: int | None
    outcome: RequestOutcome | None
    detail: str | None
    account: str = ""


# Peers ------------------------------------------------------------------------------------------------------------


def read_peers(reader: Reader, account: str) -> dict[str, PeerRow]:
    """What names were resolved to, once and for all, by how they were asked for."""
    rows = reader.rows(
        "SELECT asked, channel_id, access_hash, handle, title, joined FROM telegram_peers WHERE account = :account",
        {"account": account},
    )
    return {row["asked"]: PeerRow(**{**row, "joined": bool(row["joined"])}) for row in rows}


def find_peer(reader: Reader, asked: str) -> PeerRow | None:
    """What any account has learnt of a channel, the latest first; its access hash is worth nothing to another one."""
    rows = reader.rows(
        "SELECT asked, channel_id, access_hash, handle, title, joined FROM telegram_peers WHERE asked = :asked "
        "ORDER BY at DESC LIMIT 1",
        {"asked": asked},
    )
    return PeerRow(**{**rows[0], "joined": bool(rows[0]["joined"])}) if rows else None


def keep_peer(writer: Writer, account: str, peer: PeerRow, now: int) -> None:
    """Remember a peer, or what is new about it."""
    writer.execute(
        "INSERT INTO telegram_peers (account, asked, channel_id, access_hash, handle, title, joined, at) "
        "VALUES (:account, :asked, :channel_id, :access_hash, :handle, :title, :joined, :now) "
        "ON CONFLICT (account, asked) DO UPDATE SET channel_id = excluded.channel_id, "
        "access_hash = excluded.access_hash, handle = excluded.handle, title = excluded.title, "
        "joined = excluded.joined, at = excluded.at",
        {
            "account": account,
            "asked": peer.asked,
            "channel_id": peer.channel_id,
            "access_hash": peer.access_hash,
            "handle": peer.handle,
            "title": peer.title,
            "joined": int(peer.joined),
            "now": now,
        },
    )


# Waits and budgets ------------------------------------------------------------------------------------------------


def read_waits(reader: Reader, account: str = "") -> dict[str, int]:
    """Until when each method may not be called by an account, in microseconds UTC."""
    rows = reader.rows("SELECT method, until FROM telegram_waits WHERE account = :account", {"account": account})
    return {row["method"]: row["until"] for row in rows}


def read_all_waits(reader: Reader) -> dict[str, int]:
    """The same of every account, by "METHOD" or "METHOD (ACCOUNT)"."""
    rows = reader.rows("SELECT account, method, until FROM telegram_waits ORDER BY account, method")
    return {f"{row['method']} ({row['account']})" if row["account"] else row["method"]: row["until"] for row in rows}


def keep_wait(writer: Writer, method: str, until: int, account: str = "") -> None:
    """Remember a wait that Telegram asked for; a longer one is not shortened."""
    writer.execute(
        "INSERT INTO telegram_waits (account, method, until) VALUES (:account, :method, :until) "
        "ON CONFLICT (account, method) DO UPDATE SET until = max(until, excluded.until)",
        {"account": account, "method": method, "until": until},
    )


def spend(writer: Writer, method: str, now: int, most: int, account: str = "") -> int | None:
    """Count one call; where `most` were made within the hour, count none and return when the next one is free."""
    writer.execute(
        "DELETE FROM telegram_spent WHERE account = :account AND method = :method AND at <= :old",
        {"account": account, "method": method, "old": now - _HOUR},
    )
    spent = writer.column(
        "SELECT at FROM telegram_spent WHERE account = :account AND method = :method ORDER BY at",
        {"account": account, "method": method},
    )
    if len(spent) >= most:
        return int(spent[len(spent) - most]) + _HOUR
    writer.execute(
        "INSERT INTO telegram_spent (account, method, at) VALUES (:account, :method, :now)",
        {"account": account, "method": method, "now": now},
    )
    return None


# The account and the sources --------------------------------------------------------------------------------------


def read_account(reader: Reader, account: str = "") -> AccountRow | None:
    """The state of an account; None if it was never used."""
    return next((row for row in read_accounts(reader) if row.account == account), None)


def read_accounts(reader: Reader) -> list[AccountRow]:
    """The state of every account that was ever used, by name."""
    rows = reader.rows(
        "SELECT state, reason, remedy, state_since, user, account FROM telegram_account ORDER BY account"
    )
    return [AccountRow(**{**dict(row), "state": current_name(row["state"])}) for row in rows]


def set_account_state(
    writer: Writer, state: str, reason: str | None, remedy: str | None, user: str | None, now: int, account: str = ""
) -> None:
    """Save the state of an account."""
    writer.execute(
        "INSERT INTO telegram_account (account, state, reason, remedy, state_since, user) "
        "VALUES (:account, :state, :reason, :remedy, :now, :user) ON CONFLICT (account) DO UPDATE SET "
        "state = excluded.state, reason = excluded.reason, remedy = excluded.remedy, "
        "user = coalesce(excluded.user, telegram_account.user), "
        "state_since = CASE WHEN telegram_account.state = excluded.state THEN telegram_account.state_since "
        "ELSE excluded.state_since END",
        {"account": account, "state": state, "reason": reason, "remedy": remedy, "user": user, "now": now},
    )


def forget_accounts(writer: Writer, known: Sequence[str]) -> None:
    """Forget the states of accounts that the config no longer has; what they have learnt stays."""
    writer.execute(f"DELETE FROM telegram_account WHERE NOT account {in_list('known')}", {"known": as_list(known)})


def poll_ended_now(writer: Writer, now: int) -> None:
    """Make every source due that had stopped for the account's sake, or because only a page of its name was left."""
    writer.execute(
        "UPDATE sources SET next_poll_at = :now, failures = 0 WHERE kind = 'telegram' AND enabled = 1 "
        f"AND next_poll_at >= :never AND state {in_list('states')}",
        {"now": now, "never": 1 << 61, "states": as_list(stored_names(*NEEDS_SIGN_IN, RENAMED))},
    )


def save_watch(writer: Writer, source: str, mode: WatchMode, *, joined: bool, account: str = "") -> None:
    """Write down how a source is watched from now on, and by which account."""
    writer.execute(
        "INSERT INTO telegram_watches (source, mode, joined, account) VALUES (:source, :mode, :joined, :account) "
        "ON CONFLICT (source) DO UPDATE SET mode = excluded.mode, joined = excluded.joined, account = excluded.account",
        {"source": source, "mode": mode, "joined": int(joined), "account": account},
    )


def read_watches(reader: Reader) -> dict[str, WatchRow]:
    """How each source is watched, by its name."""
    rows = reader.rows("SELECT source, mode, joined, account FROM telegram_watches")
    return {row["source"]: WatchRow(row["source"], row["mode"], bool(row["joined"]), row["account"]) for row in rows}


# What people ask --------------------------------------------------------------------------------------------------


def file_request(writer: Writer, kind: RequestKind, source: str, now: int, account: str = "") -> int:
    """File a request; the process that holds the session sees it within a second."""
    return int(
        writer.value(
            "INSERT INTO telegram_requests (kind, source, account, asked_at) "
            "VALUES (:kind, :source, :account, :now) RETURNING id",
            {"kind": kind, "source": source, "account": account, "now": now},
        )
    )


def list_open_requests(reader: Reader) -> list[RequestRow]:
    """What is not done yet, oldest first."""
    return _requests(reader, "done_at IS NULL", {})


def read_request(reader: Reader, request_id: int) -> RequestRow:
    """One request. Raises IndexError for one that was never filed."""
    return _requests(reader, "id = :id", {"id": request_id})[0]


def answer_request(writer: Writer, request_id: int, outcome: RequestOutcome, detail: str, now: int) -> None:
    """A request is done: "ok", "later" or "never", with the sentence that a person reads."""
    writer.execute(
        "UPDATE telegram_requests SET done_at = :now, outcome = :outcome, detail = :detail WHERE id = :id",
        {"id": request_id, "outcome": outcome, "detail": detail, "now": now},
    )


def _requests(reader: Reader, where: str, parameters: dict[str, object]) -> list[RequestRow]:
    rows = reader.rows(
        "SELECT id, kind, source, asked_at, done_at, outcome, detail, account FROM telegram_requests "
        f"WHERE {where} ORDER BY id",
        parameters,
    )
    return [RequestRow(**row) for row in rows]

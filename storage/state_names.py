"""PURE: the states of a source and of the Telegram account by name, and what groups of them mean."""

from typing import Final

OK: Final = "ok"
NEW: Final = "new"
FAILING: Final = "failing"
STOPPED: Final = "stopped"
RATE_LIMITED: Final = "rate-limited"
THROTTLED: Final = "throttled"
REFUSED: Final = "refused"
NOT_FOUND: Final = "not found"
UNREADABLE: Final = "unreadable"
TOO_BIG: Final = "too big"
FLICKERS: Final = "flickers"
UNREACHABLE: Final = "unreachable"
NO_ANSWER: Final = "no answer"
PROXY_DOWN: Final = "proxy down"
PREVIEW_DISABLED: Final = "preview disabled"
SIGN_IN_REQUIRED: Final = "sign-in required"
SUBSCRIPTION_REQUIRED: Final = "subscription required"
CHALLENGE_PAGE: Final = "challenge page"
CONSENT_PAGE: Final = "consent page"
JAVASCRIPT_REQUIRED: Final = "JavaScript required"
RENAMED: Final = "renamed"
DEACTIVATED: Final = "deactivated"
TAKEN_DOWN: Final = "taken down"
ARCHIVE_ERROR: Final = "archive error"
INTERNAL_ERROR: Final = "internal error"
PLUG_IN_UNUSABLE: Final = "plug-in unusable"

# Of one channel, as the account or the public pages meet it
PRIVATE: Final = "private"
BANNED: Final = "banned"
RESTRICTED: Final = "restricted"
DELETED: Final = "deleted"
BLOCKED_BY_LAW: Final = "blocked by law"
COPYRIGHT: Final = "blocked for copyright"
GROUP: Final = "a group"
PERSON: Final = "a person"
BOT: Final = "a bot"
NOT_JOINED: Final = "not joined"
NO_SUCH_NAME: Final = "no such name"
NOT_A_CHANNEL: Final = "not a channel"
INVITATION_EXPIRED: Final = "invitation expired"
TOO_MANY_CHANNELS: Final = "too many channels"
NOT_SUPPORTED: Final = "not supported"
CLIENT_OUTDATED: Final = "client outdated"
WITHHELD: Final = (PRIVATE, BANNED, RESTRICTED, DELETED, NOT_JOINED, TOO_MANY_CHANNELS)
"""The channel does not show itself to this account, and that lasts."""

# Of the account
CONNECTING: Final = "connecting"
CONNECTED: Final = "connected"
NOT_SIGNED_IN: Final = "not signed in"
ACCOUNT_BANNED: Final = "account banned"
ACCOUNT_DELETED: Final = "account deleted"
ACCOUNT_FROZEN: Final = "account frozen"
CLIENT_REFUSED: Final = "client refused"
SESSION_DUPLICATED: Final = "session duplicated"
SESSION_ENDED: Final = "session ended"
SESSION_EXPIRED: Final = "session expired"
SESSION_REVOKED: Final = "session revoked"
SESSION_UNUSABLE: Final = "session unusable"
SESSION_IN_USE: Final = "session in use"
WRONG_API_ID: Final = "wrong api_id"
WRONG_SERVER_KEY: Final = "wrong server key"

ENDED_AT_TELEGRAM: Final = frozenset(
    (
        *(ACCOUNT_BANNED, ACCOUNT_DELETED, ACCOUNT_FROZEN),
        *(SESSION_DUPLICATED, SESSION_ENDED, SESSION_EXPIRED, SESSION_REVOKED),
    )
)
"""Telegram has ended the session: it is not used again, not even after a restart."""

NEEDS_SIGN_IN: Final = (*sorted(ENDED_AT_TELEGRAM), CLIENT_REFUSED, NOT_SIGNED_IN, SESSION_UNUSABLE)
"""The account is dead until a person signs in again."""

SHARED_BY_ACCOUNT: Final = (
    *NEEDS_SIGN_IN,
    *(CONNECTING, NO_ANSWER, PROXY_DOWN, SESSION_IN_USE, UNREACHABLE, WRONG_API_ID, WRONG_SERVER_KEY),
)
"""All sources of the account have the state at once; the account reports it once for all of them."""

UNREPORTED: Final = (CONNECTED, CONNECTING, NOT_SIGNED_IN, UNREACHABLE, NO_ANSWER, SESSION_IN_USE)
"""States of the account that are no news when they begin: expected, or over in a moment."""

LOST: Final = (UNREACHABLE, SESSION_IN_USE)
"""The connection is away; it is reported once it has been so for long."""

PAGES_FORBIDDEN: Final = (PROXY_DOWN, WRONG_API_ID)
"""A mistake in [telegram]: public pages would go past the proxy, or hide it."""

UNANSWERED: Final = (NOT_SUPPORTED, FAILING, CLIENT_OUTDATED, NO_ANSWER)
"""The server has no answer to one method; another method may have one."""

HEALTHY: Final = (OK, NEW)

_OLD_NAMES: Final = {
    "archive": ARCHIVE_ERROR,
    "broken": INTERNAL_ERROR,
    "flood wait": RATE_LIMITED,
    "handle moved": RENAMED,
    "needs JavaScript": JAVASCRIPT_REQUIRED,
    "no channel": NOT_A_CHANNEL,
    "not offered": NOT_SUPPORTED,
    "preview off": PREVIEW_DISABLED,
    "rate limited": RATE_LIMITED,
    "schema drift": CLIENT_OUTDATED,
}


def current_name(stored: str) -> str:
    """Give a stored state the name that it has today: archives keep names of earlier releases."""
    return _OLD_NAMES.get(stored, stored)


def stored_names(*names: str) -> tuple[str, ...]:
    """Every name, of today or earlier, under which an archive may hold these states."""
    return (*names, *(old for old, new in _OLD_NAMES.items() if new in names))

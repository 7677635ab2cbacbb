"""Turns what Telegram refuses into Later and Never, with the state and the remedy that people see."""

import re

from telethon import errors

from bot.clock import DAY, HOUR, SECOND
from bot.errors import Later, Never
from storage import state_names as states

_AGAIN = "sign in again with `communique login`; the archive is not affected"


class AccountDead(Never):
    """The account or its session is at an end: no call may follow until a person has signed in again."""


class AccountUnavailable(Later):
    """There is no connection: not signed in, or still connecting."""


class OtherDataCentre(Later):
    """The file lies in another data centre."""

    def __init__(self, dc: int) -> None:
        super().__init__(f"the file lies in data centre {dc}")
        self.dc = dc


class StaleReference(Later):
    """The reference to a file has expired; its message, fetched again, carries a new one."""


_DEAD: dict[str, tuple[str, str, str]] = {
    "AUTH_KEY_DUPLICATED": (
        states.SESSION_DUPLICATED,
        "Telegram ended the session because its key was used from two places at once",
        "remove every copy of it from other hosts, then " + _AGAIN,
    ),
    "AUTH_KEY_UNREGISTERED": (states.SESSION_ENDED, "Telegram no longer knows the session", _AGAIN),
    "AUTH_KEY_INVALID": (states.SESSION_ENDED, "Telegram rejected the session's key", _AGAIN),
    "AUTH_KEY_PERM_EMPTY": (states.SESSION_ENDED, "Telegram no longer knows the session's key", _AGAIN),
    "SESSION_REVOKED": (states.SESSION_REVOKED, "the session was ended from another device of the account", _AGAIN),
    "SESSION_EXPIRED": (states.SESSION_EXPIRED, "the session has expired", _AGAIN),
    "USER_DEACTIVATED": (
        states.ACCOUNT_DELETED,
        "the account was deleted",
        "sign in with another account: `communique login`",
    ),
    "USER_DEACTIVATED_BAN": (
        states.ACCOUNT_BANNED,
        "Telegram banned the account",
        "write to recover@telegram.org and sign in again, or with another account: `communique login`",
    ),
    "FROZEN_METHOD_INVALID": (
        states.ACCOUNT_FROZEN,
        "Telegram froze the account: it may no longer read channels",
        "appeal to @SpamBot with the account and sign in again, or with another one: `communique login`",
    ),
    "UPDATE_APP_TO_LOGIN": (
        states.CLIENT_REFUSED,
        "Telegram rejects this version of the client",
        "upgrade communique (and with it Telethon), then " + _AGAIN,
    ),
}
_CHANNEL: dict[str, tuple[str, str]] = {
    "CHANNEL_PRIVATE": (states.PRIVATE, "the channel is private or deleted, or has banned the account"),
    "CHANNEL_PUBLIC_GROUP_NA": (states.PRIVATE, "the account cannot see the channel"),
    "CHANNEL_INVALID": (states.DELETED, "Telegram no longer knows this channel"),
    "CHANNEL_BANNED": (states.BANNED, "Telegram has closed the channel"),
    "CHAT_ADMIN_REQUIRED": (states.PRIVATE, "only administrators may read the channel"),
    "CHAT_FORBIDDEN": (states.PRIVATE, "the account may not read the channel"),
    "CHAT_RESTRICTED": (states.RESTRICTED, "Telegram does not show the channel to this account"),
    "USER_BANNED_IN_CHANNEL": (states.BANNED, "the account is banned in the channel"),
    "PEER_ID_INVALID": (states.DELETED, "Telegram no longer knows this channel"),
}
_NAMES: dict[str, tuple[str, str, str]] = {
    "USERNAME_NOT_OCCUPIED": (
        states.NO_SUCH_NAME,
        "this name does not exist on Telegram",
        "find the channel's new name",
    ),
    "USERNAME_INVALID": (states.NO_SUCH_NAME, "Telegram does not accept this as a name", "correct it in the config"),
    "INVITE_HASH_EXPIRED": (states.INVITATION_EXPIRED, "the invitation has expired", "ask for a new link"),
    "INVITE_HASH_INVALID": (states.INVITATION_EXPIRED, "the invitation is not valid", "ask for a new link"),
    "INVITE_HASH_EMPTY": (states.INVITATION_EXPIRED, "the invitation is not valid", "ask for a new link"),
    "CHANNELS_TOO_MUCH": (
        states.TOO_MANY_CHANNELS,
        "the account is in as many channels as Telegram allows (500, or 1000 with Premium)",
        'leave some, or watch this one with mode = "history", which needs no membership',
    ),
    "API_ID_INVALID": (
        states.WRONG_API_ID,
        "Telegram does not know this api_id and api_hash",
        "see https://my.telegram.org",
    ),
    "API_ID_PUBLISHED_FLOOD": (
        states.WRONG_API_ID,
        "this api_id is known to be shared",
        "get one at https://my.telegram.org",
    ),
}
_NOT_OFFERED = re.compile(r"(INPUT_)?METHOD_(INVALID|NOT_)|NOT_IMPLEMENTED|UNIMPLEMENTED", re.IGNORECASE)
_PATIENT = (errors.ServerError, errors.RpcCallFailError, errors.TimedOutError)


def translate_error(problem: BaseException, method: str, now: int) -> Later | Never:
    """Read whatever a call ended with. `method` is its TL name, `now` microseconds UTC; never raises."""
    if isinstance(problem, Later | Never):
        return problem
    if isinstance(problem, errors.RPCError):
        return _rpc(problem, method, now)
    if isinstance(problem, errors.AuthKeyNotFound):
        return _dead("AUTH_KEY_UNREGISTERED")
    if isinstance(problem, errors.TypeNotFoundError):
        return Later(
            f"Telegram answered {method} in a newer API layer than the installed Telethon: upgrade communique",
            state=states.CLIENT_OUTDATED,
        )
    if isinstance(problem, TimeoutError):
        return Later(f"Telegram did not answer {method} in time", state=states.NO_ANSWER, unsure=True)
    if isinstance(problem, OSError | BufferError | EOFError):
        return Later(f"the connection to Telegram broke: {_describe(problem)}", state=states.UNREACHABLE, unsure=True)
    return Later(f"{method} failed: {_describe(problem)}", state=states.FAILING, unsure=True)


def _rpc(problem: errors.RPCError, method: str, now: int) -> Later | Never:
    name = _name(problem)
    seconds = getattr(problem, "seconds", None)
    if isinstance(seconds, int) and problem.code == 420:
        return wait_error(method, now + (seconds + 1) * SECOND)  # it counts in whole seconds
    if isinstance(problem, errors.FileMigrateError):
        return OtherDataCentre(problem.new_dc)
    if name.startswith("FILE_REFERENCE_") or name == "FILEREF_UPGRADE_NEEDED":
        return StaleReference("the reference to the file has expired", state=states.REFUSED)
    if name in _DEAD:
        return _dead(name)
    if name.startswith("FROZEN_"):  # whatever code it comes with
        return _dead("FROZEN_METHOD_INVALID")
    if isinstance(problem, errors.UnauthorizedError) or problem.code == 401:
        if name == "SESSION_PASSWORD_NEEDED":
            return Never(
                "signing in was not finished: no password was given", remedy=_AGAIN, state=states.SESSION_ENDED
            )
        return AccountDead(f"Telegram refused the session ({name})", remedy=_AGAIN, state=states.SESSION_ENDED)
    if problem.code == 406 and name.startswith("AUTH_KEY"):  # Telethon calls every 406 an AuthKeyError
        return AccountDead(f"Telegram refused the session's key ({name})", remedy=_AGAIN, state=states.SESSION_ENDED)
    if name in _CHANNEL:
        state, sentence = _CHANNEL[name]
        return Later(sentence, retry_at=now + DAY, state=state)
    if name in _NAMES:
        state, sentence, remedy = _NAMES[name]
        return Never(sentence, remedy=remedy, state=state)
    if problem.code == 420:
        return wait_error(method, now + HOUR)
    if is_unsupported(problem):
        return Later(f"the server does not offer {method} ({name})", state=states.NOT_SUPPORTED)
    if isinstance(problem, _PATIENT) or abs(problem.code or 0) >= 500:
        return Later(f"Telegram had an internal error in {method} ({name})", state=states.FAILING)
    return Later(f"Telegram refused {method}: {name}", state=states.REFUSED)


def is_unsupported(problem: errors.RPCError) -> bool:
    """Whether a server says that it knows no such method, as one may that is not Telegram's own."""
    return problem.code in (404, 501) or _NOT_OFFERED.search(_name(problem)) is not None


def another_method_may_work(problem: Later | Never) -> bool:
    """Whether the server has no answer to this one method, so that what is wanted may be asked for in another way."""
    return isinstance(problem, Later) and not problem.obey and problem.state in states.UNANSWERED


def wait_error(method: str, until: int) -> Later:
    """The wait that Telegram asked for; nothing may call `method` before `until`."""
    return Later(f"Telegram limits the rate of {method}", retry_at=until, state=states.RATE_LIMITED, obey=True)


def _dead(name: str) -> AccountDead:
    state, sentence, remedy = _DEAD[name]
    return AccountDead(sentence, remedy=remedy, state=state)


def _name(problem: errors.RPCError) -> str:
    """Telegram's own word for it: Telethon keeps it as the class where it has one, else as the message."""
    return _NAME_OF.get(type(problem)) or str(problem.message or type(problem).__name__)[:80]


def _describe(problem: BaseException) -> str:
    if isinstance(problem, EOFError):
        return "the server closed it"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return (str(problem) or type(problem).__name__).splitlines()[0][:200]


_NAME_OF: dict[type[Exception], str] = {kind: name for name, kind in errors.rpcerrorlist.rpc_errors_dict.items()}

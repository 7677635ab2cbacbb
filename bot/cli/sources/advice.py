"""PURE: what a person can do about a source that fails, in one line."""

from bot.errors import Later, Never
from storage import state_names

_WAIT = "nothing to do: it is tried again by itself"
_NETWORK = "look at the network and the proxy: `communique doctor`"
_UNREACHED = f"it is tried again by itself; if that does not help, {_NETWORK}"
_BROWSER = "look at it in a browser: it may show that to programs only"
_BY_STATE = {
    state_names.RATE_LIMITED: "nothing to do: it is asked again when the server allows it; a longer `every` helps",
    state_names.THROTTLED: "nothing to do: it is asked more slowly; a longer `every` helps",
    state_names.UNREACHABLE: _NETWORK,
    state_names.NO_ANSWER: _NETWORK,
    state_names.PROXY_DOWN: "look at the proxy in [http] of the config",
    state_names.PREVIEW_DISABLED: 'read it with an account: `communique login`, then kind = "telegram"',
    state_names.SIGN_IN_REQUIRED: "look for a feed or a page of it that is open to everybody",
    state_names.SUBSCRIPTION_REQUIRED: "look for a feed or a page of it that is open to everybody",
    state_names.CHALLENGE_PAGE: "it lets browsers in, and no programs: ask its owner, or try a proxy in [http]",
    state_names.CONSENT_PAGE: "look for a feed or another page of it: a program cannot give consent",
    state_names.JAVASCRIPT_REQUIRED: "look for a feed of it, or a page that shows its words without JavaScript",
    state_names.NOT_FOUND: "look at the address in a browser, and write the one of today into the config",
    state_names.REFUSED: _BROWSER,
    state_names.UNREADABLE: _BROWSER,
    state_names.TOO_BIG: "look for a feed or a page of it that is smaller: its owner may offer one with fewer entries",
    state_names.BLOCKED_BY_LAW: "use a proxy in another country: `proxy` in [http]",
    state_names.PLUG_IN_UNUSABLE: "repair or remove the package of the plug-in, then restart",
}


def advise(failure: Later | Never) -> str:
    """What to do about it; the remedy of a refusal goes first."""
    if isinstance(failure, Never):
        return failure.remedy or _BY_STATE.get(failure.state, "a person must act: look at it in a browser")
    return _BY_STATE.get(failure.state, _UNREACHED if failure.unreached else _WAIT)

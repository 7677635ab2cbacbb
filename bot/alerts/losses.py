"""PURE: what people read of a target that fails, and of messages that did not arrive."""

from typing import Literal


def describe_change(target: str, state: Literal["ok", "failing", "parked"], reason: str) -> str:
    """One sentence about a target whose state has changed."""
    if state == "ok":
        return f"target {target} works again"
    if state == "failing":
        return f"target {target} is not accepting alerts; they stay queued: {reason}"
    return f"target {target} is suspended: {reason}. Fix it, then run `communique alerts retry --dead`"


def describe_dropped(count: int) -> str:
    """One sentence about messages to targets that the config no longer has."""
    what = "1 alert was dropped: its target is" if count == 1 else f"{count} alerts were dropped: their targets are"
    return f"{what} no longer in the config; see `communique alerts list --state dead`"


def describe_loss(match_id: int | None, target: str, kind: str, reason: str, digest: object = None) -> str:
    """One sentence about a message that is given up."""
    what = (
        f"alert {match_id}"
        if match_id is not None
        else f"a message with {kind}"
        if kind == "files"
        else f"a {kind} message"
    )
    if digest is not None:
        what = f"digest {digest}, with everything that `communique alerts list --digest {digest}` shows,"
    again = f"`communique alerts retry {match_id}`" if match_id is not None else "`communique alerts retry --dead`"
    return f"{what} was not delivered to {target}: {reason}; to try again, run {again}"

"""The status as a document: whether all is well, what else a person should know, and what to do next."""

from collections.abc import Iterable, Iterator

from bot.daemon.judging import DaemonState, Shown
from bot.documents.as_json import iso
from bot.documents.counts import format_count
from bot.documents.status import status_json
from bot.listing.account import explain_account
from bot.listing.files import FileReport, report_json, source_report_json, warn_of_files
from bot.listing.kinds import reads_with_account
from storage.state_names import CONNECTED, HEALTHY, NEEDS_SIGN_IN
from storage.status import ArchiveStatus

_TARGET_STATES = {"parked": "suspended"}  # as stored, and as every message calls it


def describe_status(
    found: ArchiveStatus, files: FileReport, daemon: DaemonState, problems: Iterable[str], now: int, first: str = ""
) -> dict[str, object]:
    """The whole status; `problems` are what counts as unhealthy, `first` is the first step towards an archive."""
    return status_json(
        found,
        now,
        problems=problems,
        warnings=(*find_outages(found), *find_warnings(found, now), *warn_of_files(files)),
        running=daemon.running,
        pid=daemon.pid,
        since=daemon.since,
        media=report_json(files),
        media_by_source={watch.name: source_report_json(files, watch.name) for watch in found.watches},
        next_steps=suggest_steps(found, daemon, first),
    )


def find_outages(found: ArchiveStatus) -> Iterator[str]:
    """Sources and the account that do not work; on the screen the line of each says it."""
    for watch in found.watches:
        if watch.enabled and not watch.paused and watch.state not in HEALTHY:
            reason = f" ({watch.reason})" if watch.reason else ""
            yield f"source {watch.name}: {watch.state} since {iso(watch.state_since)}{reason}"
    if any(watch.enabled and reads_with_account(watch.kind) for watch in found.watches):
        for account in found.accounts:
            name = f" {account.account}" if account.account else ""
            if account.state != CONNECTED:
                state, since = account.state, iso(account.state_since)
                yield f"the Telegram account{name} has not worked since {since} ({state}){explain_account(account)}"
            elif account.reason:
                yield account.reason


def find_warnings(found: ArchiveStatus, now: int, shown: Shown = iso) -> Iterator[str]:
    """What else a person should know although the whole is healthy."""
    if found.backups.failing_since is not None:
        yield f"backups have failed since {shown(found.backups.failing_since)}: {found.backups.reason}"
    for target in found.targets:
        if target.state != "ok":
            reason = f": {target.reason}" if target.reason else ""
            state = _TARGET_STATES.get(target.state, target.state)
            yield f"target {target.name} is {state} since {shown(target.state_since)}{reason}"
        elif target.hold_until is not None and target.hold_until > now:
            yield f"target {target.name} is rate-limited until {shown(target.hold_until)}"
    if found.bot_trouble is not None:
        yield f"since {shown(found.bot_trouble.at)} the {found.bot_trouble.text}"
    for name, what, words in (
        ("dead", "message", "could not be delivered"),
        ("given_up", "job", "could not be finished and will not be tried again"),
        ("quarantine", "item", "could not be read; the bytes are kept in quarantine"),
    ):
        if found.queue(name).waiting:
            yield f"{format_count(found.queue(name).waiting, what)} {words}"


def suggest_steps(found: ArchiveStatus, daemon: DaemonState, first: str = "") -> Iterator[str]:
    """Commands to run next; `first` where nothing is watched yet."""
    if not found.watches:
        yield first or "communique run --once"
    elif daemon.running is False:
        yield "communique run"
    for account in (row for row in found.accounts if row.state in NEEDS_SIGN_IN):
        yield f"communique login --account {account.account}" if account.account else "communique login"
    for watch in found.watches:
        if watch.enabled and not watch.paused and watch.state not in HEALTHY:
            yield f"communique sources check {watch.name}"
    for target in found.targets:
        if target.state != "ok":
            yield f"communique alerts test {target.name}"
    if found.queue("dead").waiting:
        yield "communique alerts retry --dead"
    if found.given_up & {"decide", "translation"}:
        yield "communique rules decide --given-up"
    if "recheck" in found.given_up:
        yield "communique sources recheck --given-up"

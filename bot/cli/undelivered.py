"""`communique alerts list --undelivered`: every message that has not arrived, why, and until when."""

from bot.cli.terminal.output import Form, Session, find_limit, say, say_left_out, write
from bot.cli.terminal.table import write_table
from bot.documents.undelivered import explain_wait, undelivered_json
from bot.foreign.text import one_line
from bot.listing.times import Zone, format_time
from storage.alerts import waiting
from storage.alerts.waiting import UndeliveredRow

COLUMNS = (
    "id", "alert", "digest", "kind", "target", "state", "rule", "source", "created_at", "attempts", "held", "reason",
    "until",
)  # fmt: skip


def print_undelivered(session: Session, limit: int | None, default: int, zone: Zone, form: Form | None) -> None:
    """Print what is pending, being sent or given up, the oldest first."""
    now = session.clock.now()
    with session.archive().reading() as reader:
        found = waiting.list_undelivered(reader, find_limit(limit, default, form))
        total = waiting.count_undelivered(reader)
    if form is not None:
        write(session, form, (undelivered_json(row, now) for row in found), COLUMNS)
        return
    headings = ("alert", "kind", "target", "state", "since", "until", "why")
    write_table(session, headings, [_row(row, now, zone) for row in found])
    say_left_out(session, len(found), total)
    if not found:
        say(session, "everything has arrived")


def _row(row: UndeliveredRow, now: int, zone: Zone) -> tuple[str, ...]:
    reason, until = explain_wait(row, now)
    named = row.alert if row.digest is None else f"digest {row.digest}"
    return (
        "-" if named is None else str(named),
        row.kind,
        row.target,
        row.state,
        format_time(row.created_at, zone),
        format_time(until, zone, unknown="-"),
        one_line(reason),
    )

"""What an answer to an alert does and says back: the same from the command line and from a chat."""

from typing import TYPE_CHECKING

from bot.errors import NotFound, UserError
from bot.foreign.text import one_line
from storage.alerts import matches
from storage.answers import acks, verdicts
from storage.frozen import dataclass
from storage.records import Acked

if TYPE_CHECKING:
    from storage.answers.verdicts import Verdict
    from storage.archive.database import Reader, Writer

_LONGEST = 120  # letters of a person's name
_LAST_ID = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Who has an alert now; not `first`: somebody had it before."""

    alert: int
    acked: Acked
    first: bool

    def sentence(self) -> str:
        """What there is to say about it; safe to show."""
        who = one_line(self.acked.by)
        if self.first:
            return f"alert {self.alert} is acknowledged by {who}"
        return f"alert {self.alert} was acknowledged before, by {who}"


def acknowledge(writer: "Writer", alert_id: int, who: str, now: int) -> Acknowledged:
    """Store that `who` takes up the event of an alert; the first one has it. Raises NotFound, UserError."""
    _expect_alert(writer, alert_id)
    name = person(who)
    before = acks.acknowledge(writer, alert_id, name, now)
    return Acknowledged(alert_id, before or Acked(name, now), before is None)


def judge_alert(writer: "Writer", alert_id: int, who: str, verdict: "Verdict", now: int) -> str:
    """Store what `who` thinks of what the rule found; the sentence to say. Raises NotFound, UserError."""
    rule = _expect_alert(writer, alert_id)
    name = person(who)
    new = verdicts.judge_alert(writer, alert_id, name, verdict, now)
    return f"alert {alert_id} of {one_line(rule)} is {verdict} for {one_line(name)}{'' if new else ', as said before'}"


def person(name: str) -> str:
    """The name under which an answer is kept: one line, without marks that nobody sees. Raises UserError if empty."""
    kept = one_line(name.encode(errors="replace").decode()).strip()[:_LONGEST]
    if not kept:
        raise UserError("who says so? The name of the person is empty")
    return kept


def _expect_alert(reader: "Reader", alert_id: int) -> str:
    """The rule of an alert. Raises NotFound."""
    story = matches.read_story(reader, alert_id) if 0 < alert_id <= _LAST_ID else None
    if story is None:
        raise NotFound(f"there is no alert {alert_id}: `communique alerts list` shows them")
    return story.match.rule

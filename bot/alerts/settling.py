"""Writes down what became of messages: their states, those of their targets, and what people have to hear of it."""

from collections.abc import Mapping, Sequence

from bot.alerts.following import owe_files
from bot.alerts.growing import PAUSE
from bot.alerts.losses import describe_change, describe_loss
from bot.alerts.moving import note_move
from bot.alerts.retries import Consequence
from bot.contracts.target import Message, Moved, Target
from storage.alerts import notices, outbox, target_states
from storage.alerts.pace import Pace, note_arrival
from storage.alerts.settlement import Claimed
from storage.archive.database import Writer
from storage.events import growing, heard
from storage.frozen import dataclass
from storage.records import DeliveryRow


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one attempt; `message` is what was handed over, if it could be composed."""

    claimed: Claimed
    outcome: Consequence
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Settling:
    """The targets of a config, of which each may concern others."""

    targets: Mapping[str, Target]

    def write(self, writer: Writer, name: str, pace: Pace, ended: Sequence[Ended], now: int) -> list[str]:
        """Settle messages to one target in the transaction of the caller; the sentences for people.

        What was accepted comes first, so that what it makes due does not undo the wait of another.
        """
        said: list[str] = []
        accepted = False
        for one in sorted(ended, key=lambda one: one.outcome.target != "ok"):
            again = accepted and one.outcome.target == "ok"
            said += self._settle(writer, self.targets[name], one, now, known=again)
            accepted = accepted or one.outcome.target == "ok"
        if pace.limited:
            note_arrival(writer, pace, now)
        return said

    def sharing(self, name: str) -> list[str]:
        """The targets that a wait covers which this one asks for."""
        account = self.targets[name].account
        others = (other for other, target in self.targets.items() if account is not None and target.account == account)
        return list(dict.fromkeys([name, *others]))

    def note_move(self, writer: Writer, name: str, move: Moved, now: int) -> str:
        """Keep where the chat of a target is now; the sentence, empty if it was known."""
        return note_move(writer, name, move, self._healthy(), now)

    def _settle(self, writer: Writer, target: Target, ended: Ended, now: int, *, known: bool) -> list[str]:
        row, outcome = ended.claimed.row, ended.outcome
        outbox.settle(writer, row.id, outcome.settlement, now)
        if outcome.settlement.state == "dead" and row.kind in {"match", "digest"}:
            heard.take_up(writer, row.id, now)  # a copy of the same statement may get through
        if ended.message is not None and outcome.settlement.state == "sent":
            copies = ended.message.copies
            if target.settings.fold:
                growing.note_sent(writer, row.id, "\n".join(copies.lines), copies.count, now + PAUSE)
            owe_files(writer, row, ended.message, target.shows, now)
        if outcome.hold_until is not None:
            target_states.hold_targets(writer, self.sharing(row.target), outcome.hold_until, now)
        said: list[str] = []
        if not known and outcome.target is not None and _note_target(writer, row.target, outcome, now):
            said.append(describe_change(row.target, outcome.target, outcome.reason))
        if outcome.settlement.state == "dead":
            reason = outcome.settlement.reason or ""
            said.append(describe_loss(row.match_id, row.target, row.kind, reason, row.payload.get("digest")))
        for sentence in said:
            self._announce(writer, row, sentence, now)
        return said + self._note_left_out(writer, row, outcome.note, now)

    def _note_left_out(self, writer: Writer, row: DeliveryRow, note: str, now: int) -> list[str]:
        """Say once who is left out of the messages to a target, not with every message."""
        about = f"recipients of {row.target}"
        if not note or notices.read_last(writer, about) == (sentence := f"target {row.target}: {note}"):
            return []
        self._announce(writer, row, sentence, now, about=about)
        return [sentence]

    def _announce(self, writer: Writer, row: DeliveryRow, sentence: str, now: int, about: str = "") -> None:
        notices.add(writer, now, about or f"target {row.target}", sentence)
        if row.kind == "health":
            return  # a lost health message must not cause another
        others = [name for name in self._healthy() if name != row.target]
        outbox.announce(writer, others, f"target {row.target}", sentence, now)

    def _healthy(self) -> list[str]:
        return [name for name, target in self.targets.items() if target.settings.health]


def _note_target(writer: Writer, target: str, outcome: Consequence, now: int) -> bool:
    """Keep what an attempt says of its target; whether that is news."""
    if outcome.target == "ok":
        return target_states.note_success(writer, target, now)
    return outcome.target is not None and target_states.mark_target(
        writer, target, outcome.target, outcome.reason or None, now
    )

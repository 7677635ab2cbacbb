"""What a command or a button changes, inside the transaction that also remembers that it was heard."""

from typing import TYPE_CHECKING

from bot.alerts.buttons import mark_of
from bot.alerts.muting import check_mute
from bot.answers import answering
from bot.answers.commands import OLDEST, Command, Press, parse_mute
from bot.answers.pages import say_of
from bot.answers.reports import Question, read_alert_id
from bot.clock import DAY, HOUR
from bot.contracts.amounts import duration
from bot.documents.mute import describe_muted
from bot.errors import NotFound, UserError
from storage.alerts import matches, mutes
from storage.alerts.mutes import Mute
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Writer
    from storage.records import MatchRow


@dataclass(frozen=True, slots=True)
class Done:
    """What to say about it. `acked`: the buttons under the event's alerts are to go."""

    said: str
    acked: bool = False


def carry_out(writer: "Writer", command: Command, who: str, asked: Question) -> Done:
    """Do what /ack, /mute or /unmute asks for. Raises UserError before anything is written."""
    if command.name == "ack":
        found = answering.acknowledge(writer, read_alert_id(command.words), who, asked.now)
        return Done(found.sentence(), acked=True)
    if command.name == "mute":
        return Done(_mute(writer, command.words, who, asked))
    return Done(_unmute(writer, command.words, who, asked))


def press(writer: "Writer", button: Press, who: str, asked: Question, *, missed: bool) -> Done:
    """Do what a button under an alert asks for; `missed`: it was pressed while nobody listened.

    Raises UserError before anything is written.
    """
    match = find_alert(writer, button)
    if button.action == "ack":
        return Done(answering.acknowledge(writer, match.id, who, asked.now).sentence(), acked=True)
    if button.action == "useful":
        return Done(answering.judge_alert(writer, match.id, who, "useful", asked.now))
    if button.action == "noise":
        return Done(answering.judge_alert(writer, match.id, who, "noise", asked.now))
    if missed:
        raise UserError("nobody was listening when this button was pressed, so nothing is muted: press it again")
    why = f"the button under alert {match.id}"
    if button.action == "mute-source":
        return Done(_begin(writer, "source", _find_source(writer, match), HOUR, why, who, asked))
    return Done(_begin(writer, "rule", match.rule, DAY, why, who, asked))


def find_alert(writer: "Writer", button: Press) -> "MatchRow":
    """The alert above a button. Raises NotFound where it is one of another archive."""
    story = matches.read_story(writer, button.alert)
    if story is None or mark_of(story.match.id, story.match.post_id, story.match.at) != button.mark:
        raise NotFound("this archive has no such alert")
    return story.match


def _find_source(writer: "Writer", match: "MatchRow") -> str:
    from storage.posts import reading

    return reading.read_posts(writer, [match.post_id])[0].source


def _mute(writer: "Writer", words: str, who: str, asked: Question) -> str:
    try:
        noun, name, span, why = parse_mute(words)
        length = duration(span)
    except ValueError as problem:
        raise UserError(str(problem)) from None
    return _begin(writer, noun, name, length, why, who, asked)


def _begin(writer: "Writer", noun: str, name: str, length: int, why: str, who: str, asked: Question) -> str:
    named: dict[str, str | None] = {"rule": None, "source": None, "tag": None, "target": None, noun: name}
    wanted = Mute(
        rule=named["rule"],
        source=named["source"],
        tag=named["tag"],
        query=None,
        target=named["target"],
        from_at=asked.now,
        until=asked.now + length,
        why=why,
        who=who,
    )
    mute = check_mute(asked.config, wanted)
    known = find_covering(writer, mute, asked.now)
    if known is not None:
        return f"{say_of(describe_muted(mute))}: muted already, until {asked.time(known.until)} (mute {known.id})"
    number = mutes.add(writer, mute)
    return f"{say_of(describe_muted(mute))}: muted until {asked.time(mute.until)} (mute {number}; /unmute {number})"


def find_covering(writer: "Writer", mute: Mute, now: int) -> Mute | None:
    """The mute by which the same is muted already, for about as long or longer; None if there is none."""
    return next((one for one in mutes.read_active(writer, now) if _is_covered(mute, one)), None)


def _is_covered(mute: Mute, known: Mute) -> bool:
    """Whether the same is muted already, for about as long: a button may be pressed twice."""
    same = (known.rule, known.source, known.tag, known.query, known.target) == (
        mute.rule, mute.source, mute.tag, mute.query, mute.target,
    )  # fmt: skip
    return same and known.until >= mute.until - OLDEST


def _unmute(writer: "Writer", words: str, who: str, asked: Question) -> str:
    number = read_alert_id(words)
    if mutes.find_mute(writer, number) is None:
        raise NotFound(f"there is no mute {number}: /mutes shows them")
    if not mutes.end(writer, number, asked.now, who):
        return f"mute {number} is over already"
    return f"mute {number} is ended; what it held stays silenced (`communique alerts retry --mute {number}`)"

"""Says once what was given up, with the command that takes it up again: on stderr, in `status`, to health targets."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.alerts.losses import describe_loss
from bot.archive import AsyncArchive
from bot.bells import SWEEP_S
from bot.clock import Clock
from bot.enrich.worker import KINDS
from storage.alerts import deaths, given_up, notices, outbox
from storage.alerts.given_up import GivenUpJob
from storage.archive.database import Writer
from storage.events import heard

# What failed, for one post and for several; the commands that try one and all of them again.
_WORDS = {
    "decide": ("the rules could not be run on post", "rules decide {post}", "rules decide --given-up"),
    "recheck": ("no second look was possible at post", "sources recheck {post}", "sources recheck --given-up"),
    "translation": ("no translation could be made of post", "rules decide {post}", "rules decide --given-up"),
    "transcript": ("no transcript could be made for post", "media read --source {source}", "media read"),
    "ocr": ("no picture could be read of post", "media read --source {source}", "media read"),
}


@dataclass(slots=True)
class GivenUp:
    """`health` names the targets that hear of it; `alerts_due` wakes whoever sends."""

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    health: Callable[[], list[str]]
    alerts_due: Callable[[], None]

    async def run(self) -> None:
        """Announce what is given up, until cancelled."""
        while True:
            await self.announce()
            await asyncio.sleep(SWEEP_S)

    async def announce(self) -> None:
        """Announce what was given up since the last call: one sentence for each kind of work."""
        jobs = await self.archive.read(given_up.list_unannounced)
        if jobs:
            self._said(await self.archive.run(_announce, jobs, self.health(), self.clock.now()))

    async def settle_death(self) -> None:
        """Free what the last process held when it died. Call it before any work begins."""
        self._said(await self.archive.run(_settle_death, self.health(), self.clock.now()))

    def _said(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self.say(sentence)
        if sentences:
            self.alerts_due()


def describe(jobs: Sequence[GivenUpJob]) -> str:
    """One sentence about jobs of one kind."""
    first, posts = jobs[0], {job.post_id for job in jobs}
    what, one, several = _WORDS[first.kind]
    if len(posts) == 1:
        command = one.format(post=first.post_id, source=first.source)
        return (
            f"{what} {first.post_id} ({first.source}/{first.native_id}): {first.reason};"
            f" to try again, run `communique {command}`"
        )
    again = f"to try again, run `communique {several}`"
    return f"{what}s {first.post_id} and {len(posts) - 1} more: {first.reason}; {again}"


def _announce(writer: Writer, jobs: Sequence[GivenUpJob], health: Sequence[str], now: int) -> list[str]:
    given_up.mark_announced(writer, [job.id for job in jobs])
    sentences = []
    for kind in dict.fromkeys(job.kind for job in jobs):
        group = [job for job in jobs if job.kind == kind]
        sentence = describe(group)
        about = f"post {group[0].post_id}" if len({job.post_id for job in group}) == 1 else "posts"
        _tell(writer, health, about, sentence, now)
        sentences.append(sentence)
    return sentences


def _settle_death(writer: Writer, health: Sequence[str], now: int) -> list[str]:
    sentences = []
    for lost in deaths.settle_death(writer, now, blameless=KINDS):
        heard.take_up(writer, lost.id, now)  # a copy of the same statement may get through
        sentence = describe_loss(lost.match_id, lost.target, lost.kind, deaths.REASON)
        _tell(
            writer,
            [] if lost.kind == "health" else [name for name in health if name != lost.target],
            f"target {lost.target}",
            sentence,
            now,
        )
        sentences.append(sentence)
    return sentences


def _tell(writer: Writer, health: Iterable[str], about: str, sentence: str, now: int) -> None:
    notices.add(writer, now, about, sentence)
    outbox.announce(writer, health, about, sentence, now)

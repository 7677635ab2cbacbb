"""Reads what a digest says: its alerts by post, what became of these, and for its window what was watched."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.alerts.digests.listing import ListedPost
from bot.alerts.digests.summary import Summary
from storage.alerts import digest_contents, digests, mutes, stale
from storage.events import facing
from storage.events import listing as events
from storage.frozen import dataclass
from storage.posts import reading, window
from storage.sources import blindness, gaps, states

if TYPE_CHECKING:
    from storage.alerts.digest_rows import DigestedRow, DigestRow
    from storage.archive.database import Reader
    from storage.sources.blindness import BlindStretch

_AT_ONCE = 100  # posts in memory
_EVENTS = 50  # that are counted, those with the most copies


@dataclass(frozen=True, slots=True)
class DigestMaterial:
    """A digest with the alerts that it lists, by post, and what is said above them; see `read_posts` for the posts.

    `posts` are made up, for a message that tries out a target.
    """

    digest: "DigestRow"
    groups: Sequence[Sequence["DigestedRow"]]
    stretches: Sequence["BlindStretch"] = ()
    summary: Summary | None = None
    posts: Sequence[ListedPost] | None = None

    @property
    def about(self) -> int:
        """How many posts it is about, also those that are too many to be listed."""
        return len(self.groups) + (0 if self.summary is None else self.summary.left_out)


def read_material(reader: "Reader", digest: "DigestRow", alerts: Sequence["DigestedRow"]) -> DigestMaterial:
    """Everything but the posts. The most urgent post comes first, then the oldest."""
    groups: dict[int, list[DigestedRow]] = {}
    for one in alerts:
        groups.setdefault(one.post_id, []).append(one)
    material = DigestMaterial(replace(digest, total=len(alerts)), list(groups.values())[: digests.MOST])
    if digest.kind == "late":
        return replace(material, stretches=find_stretches(reader, [one.delivery for one in alerts]))
    if digest.kind == "scheduled":
        left_out = len(groups) - len(material.groups)
        return replace(material, summary=replace(_summarize(reader, digest, alerts), left_out=left_out))
    return material


def list_alerts(reader: "Reader", digest: "DigestRow") -> Sequence["DigestedRow"]:
    """What a digest that was made settles, or counts if it is a scheduled one."""
    if digest.kind != "scheduled":
        return digest_contents.list_settled(reader, digest.id)
    return digest_contents.list_between(reader, digest.target, digest.after or 0, digest.delivery_id)


def find_stretches(reader: "Reader", deliveries: Sequence[int]) -> "list[BlindStretch]":
    """The blind stretches in which the posts of these deliveries were published, the oldest first."""
    found = {blindness.find_stretch(reader, *missed) for missed in stale.list_missed(reader, deliveries)}
    return sorted((one for one in found if one is not None), key=lambda one: (one.since, one.source))


def read_posts(reader: "Reader | None", material: DigestMaterial) -> Iterator[ListedPost]:
    """The posts of a digest, each once, in its order; few of them are in memory at a time."""
    if reader is None:
        yield from material.posts or ()
        return
    for start in range(0, len(material.groups), _AT_ONCE):
        groups = {one[0].post_id: one for one in material.groups[start : start + _AT_ONCE]}
        edits = digest_contents.find_last_edits(reader, groups)
        for post in reading.read_posts(reader, groups):
            alerts = groups[post.id]
            edited = edits.get(post.id, 0)
            yield ListedPost(post, alerts, edited if edited > min(one.at for one in alerts) else None)


def _summarize(reader: "Reader", digest: "DigestRow", alerts: Sequence["DigestedRow"]) -> Summary:
    watched = {row.id: row.name for row in states.list_sources(reader) if not row.paused}
    since, until = digest.window_from, digest.window_to
    copied = events.find_copied(reader, digest.target, since, until, limit=_EVENTS)
    missing = [gap for gap in gaps.list_open_gaps(reader) if gap.reason not in ("backfill", "first contact")]
    return Summary(
        alerts=alerts,
        sources=len(watched),
        arrivals=window.count_arrivals(reader, since, until),
        events=events.read_events(reader, copied),
        facing=list(facing.read_facing(reader, {one.alert for one in alerts}).values()),
        stretches=blindness.list_stretches(reader, since, until),
        gaps=[(watched[gap.source_id], gap) for gap in missing if gap.source_id in watched],
        digests=digests.list_made(reader, digest.target, since, until),
        mutes=[one for one in mutes.list_between(reader, since, until) if one.target in (None, digest.target)],
        held=digest_contents.count_held(reader, digest.target),
    )

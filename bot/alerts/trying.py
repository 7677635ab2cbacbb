"""Messages that try out a target: each kind as it would look there, with nothing of the archive in it."""

from zoneinfo import ZoneInfo

from bot.alerts.digests.compose import compose
from bot.alerts.digests.listing import ListedPost
from bot.alerts.digests.material import DigestMaterial
from bot.alerts.render import Rendering, render, render_notice
from bot.alerts.sample import make_sample
from bot.clock import HOUR
from bot.contracts.message import Message, Shows
from storage.alerts.digest_rows import DigestedRow, DigestRow
from storage.records import DeliveryKind, DeliveryRow

_HEALTH = "a test of a health message: source sample-source: failing (its server cannot be reached); it is tried again"


def compose_trial(kind: str, target: str, now: int, zone: ZoneInfo, shows: Shows) -> Message:
    """A message of the kind "test", "match", "edited", "digest" or "health". `now` is in microseconds UTC."""
    rendering = Rendering(zone)
    match kind:
        case "match" | "edited":
            return render(*make_sample(kind, target, now), rendering, shows)
        case "digest":
            return compose(None, _row("digest", target, now, ""), _digest(target, now), rendering, shows)
        case "health":
            return render_notice(_row("health", target, now, _HEALTH), shows)
        case _:
            return render_notice(_row("test", target, now, f"a test message for {target}; alerts arrive here"), shows)


def _row(kind: DeliveryKind, target: str, now: int, text: str) -> DeliveryRow:
    payload: dict[str, object] = {"about": f"target {target}", "text": text}
    return DeliveryRow(0, None, target, kind, "sending", now, 1, now, payload=payload)


def _digest(target: str, now: int) -> DigestMaterial:
    """One post that was held during quiet hours."""
    _, story, post = make_sample("match", target, now)
    held = DigestedRow(0, 0, story.match.rule, "match", post.id, post.source, 2, now, "digested", None)
    digest = DigestRow(0, target, "quiet", now - 8 * HOUR, now, now, 0, 1)
    return DigestMaterial(digest, [[held]], posts=[ListedPost(post, [held])])

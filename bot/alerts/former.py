"""PURE: what a post said between two decisions and no longer says -> the matches that would otherwise be missed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.alerts.judge import EarlierMatches, EarlierState, fold_passages, judge
from bot.alerts.passages import WRITTEN, find_passages
from storage.language.fold import fold
from storage.language.match import Document, only_reliable
from storage.records import MatchRow, PostFacts, PostRow, Story

if TYPE_CHECKING:
    from bot.alerts.loaded_rules import LoadedRules

Verdict = tuple[Document, MatchRow, tuple[str, ...]]  # the wording that it is about, the match, who hears of it


def judge_all(
    former: Sequence[Document],
    document: Document,
    facts: PostFacts,
    earlier: EarlierMatches,
    loaded: "LoadedRules",
    since: Callable[[str], int],
    now: int,
    *,
    held: frozenset[str] = frozenset(),
    seen: EarlierState | None = None,
) -> Iterator[Verdict]:
    """Decide on one post as it is now, after its `former` wordings that no rule has seen, oldest first.

    A former wording counts for rules that find nothing now, and nothing in what they saw last. Each alerts once: that
    the words are gone again is no second message. Without `seen` a person may ask a second time about all that the post
    ever said: then words that a match has said already are no news.
    """
    found: dict[str, Verdict] = {}
    if former:
        shown = {match.rule for match in loaded.ruleset.match(only_reliable(document))} | _find_lasting(earlier)
        for wording in former:
            for row, targets in judge(wording, facts, earlier, loaded, since, now, held=held, seen=seen):
                if not targets or not row.hits or row.kind == "deleted" or row.rule in shown:
                    continue
                if seen is not None or not _was_said(row, wording, earlier):
                    found.setdefault(row.rule, (wording, row, targets))
        yield from found.values()
        texts = {text.text_id: text.text for wording, _, _ in found.values() for text in wording.texts}
        rows = (row for _, row, _ in found.values())
        earlier = EarlierMatches((*earlier.matches, *rows), {**earlier.texts, **texts})
    for row, targets in judge(document, facts, earlier, loaded, since, now, held=held, seen=seen):
        if row.rule in found and row.kind == "edited":
            yield document, replace(row, alerting=False), ()
        else:
            yield document, row, targets


def is_former(story: Story, post: PostRow) -> bool:
    """Whether a match is about words of a post that it no longer says anywhere."""
    hits = story.match.hits
    if (
        post.edited_at is None
        or not hits
        or not all(hit.kind in WRITTEN and hit.text_id in story.texts for hit in hits)
    ):
        return False
    present = "\n".join(fold(text.text) for text in post.texts)
    return not any(fold(story.texts[hit.text_id][hit.start : hit.end]) in present for hit in hits)


def _find_lasting(earlier: EarlierMatches) -> set[str]:
    """Rules whose newest match still had its words."""
    newest = {match.rule: match for match in earlier.matches if match.kind != "deleted"}
    return {name for name, match in newest.items() if match.hits}


def _was_said(row: MatchRow, wording: Document, earlier: EarlierMatches) -> bool:
    """Whether earlier matches of the rule have all these passages."""
    texts = {text.text_id: text.text for text in wording.texts}
    known = (match for match in earlier.matches if match.rule == row.rule)
    said = (passage for match in known for passage in find_passages(earlier.texts, match.hits))
    return fold_passages(find_passages(texts, row.hits)) <= fold_passages(said)

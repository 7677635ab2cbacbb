"""Every address of the API that gives documents: what it gives, from what, and what may be asked for."""

from collections.abc import Callable, Sequence

from bot.listing.alerts import ALERT_COLUMNS
from bot.listing.events import EVENT_COLUMNS
from bot.listing.files import FILE_COLUMNS
from bot.listing.posts import POST_COLUMNS
from bot.listing.rules import RULE_COLUMNS
from bot.listing.sources import SOURCE_COLUMNS
from bot.web.api import lists, singles
from bot.web.api.answers import Document, PageReader
from bot.web.api.asking import (
    FIELDS,
    PAGING,
    SOURCE,
    SPAN,
    TAG,
    TZ,
    Parameter,
    choice,
    flag,
    number,
    words,
)
from storage.frozen import dataclass

_QUERY = words("q", "A query, as rules and `communique search` take it.", required=True)
_HISTORY = flag("history", "Earlier revisions, too.")
_RULE = words("rule", "Only of this rule.")
_ABOUT = (words("rule", "The name of a rule."), words("q", "A query instead of a rule."), TZ)
_MUTE_COLUMNS = (
    "id", "rule", "source", "tag", "query", "target", "even_max", "from_at", "until", "why", "by", "active",
    "ended_at", "ended_by", "held",
)  # fmt: skip
_MATCHES = (
    *SPAN,
    _RULE,
    choice("state", "Only with a message in this state; silent: nothing was sent.", lists.STATES),
    number("event", "Only about the posts of this event.", 0, (1 << 63) - 1),
    number("digest", "Only what this digest lists or counts.", 1, (1 << 63) - 1),
    flag("unacked", "Only what alerted and nobody has acknowledged."),
    *PAGING,
)


@dataclass(frozen=True, slots=True)
class ListEndpoint:
    """An address that gives a list; `schema` is that of one of its documents, `columns` are those of CSV."""

    path: str
    meaning: str
    schema: str
    look: PageReader
    columns: Sequence[str]
    parameters: Sequence[Parameter]


@dataclass(frozen=True, slots=True)
class DocumentEndpoint:
    """An address that gives one document; parts of the path in braces are handed to `look`."""

    path: str
    meaning: str
    schema: str
    look: Callable[..., Document]
    parameters: Sequence[Parameter]


LISTS = (
    ListEndpoint(
        "/posts", "Posts, newest first.", "Post", lists.list_posts,
        tuple(name for name in POST_COLUMNS if name != "matched"), (SOURCE, TAG, *SPAN, *PAGING),
    ),
    ListEndpoint(
        "/search", "Posts that a query finds, newest first, with the passages that it found.", "FoundPost",
        lists.find_posts, POST_COLUMNS, (_QUERY, SOURCE, TAG, *SPAN, _HISTORY, *PAGING),
    ),
    ListEndpoint(
        "/events", "Statements with their copies, the one with the newest post first.", "Event", lists.list_events,
        EVENT_COLUMNS, (*SPAN, _RULE, *PAGING),
    ),
    ListEndpoint(
        "/sources", "Sources with their states.", "ListedSource", lists.list_sources, SOURCE_COLUMNS, PAGING,
    ),
    ListEndpoint("/rules", "Rules of the config.", "Rule", lists.list_rules, RULE_COLUMNS, PAGING),
    ListEndpoint(
        "/matches", "What rules found, newest first, with the passages.", "ExplainedAlert", lists.list_matches,
        (*ALERT_COLUMNS, "query", "found", "verdicts"), _MATCHES,
    ),
    ListEndpoint(
        "/alerts", "What rules found, newest first, and how each was delivered.", "Alert", lists.list_alerts,
        ALERT_COLUMNS, _MATCHES,
    ),
    ListEndpoint(
        "/mutes", "What is muted.", "Mute", lists.list_mutes, _MUTE_COLUMNS,
        (flag("all", "Mutes that are over, too."), *PAGING),
    ),
    ListEndpoint(
        "/files", "Files of posts, those of the newest posts first.", "ListedFile", lists.list_files, FILE_COLUMNS,
        (SOURCE, choice("state", "Only files in this state.", lists.FILE_STATES), *SPAN, *PAGING),
    ),
)  # fmt: skip

DOCUMENTS = (
    DocumentEndpoint(
        "/posts/{id}", "One post by its id; with `history` all revisions and looks.", "OnePostWithItsHistory",
        singles.show_post, (_HISTORY, FIELDS),
    ),
    DocumentEndpoint(
        "/posts/{source}/{number}", "One post by its source and its id there.", "OnePostWithItsHistory",
        singles.show_post, (_HISTORY, FIELDS),
    ),
    DocumentEndpoint(
        "/search/count", "How many posts a query finds.", "Count", singles.count_posts,
        (_QUERY, SOURCE, TAG, *SPAN, _HISTORY, FIELDS),
    ),
    DocumentEndpoint(
        "/events/{id}", "One event, by its id or that of a post.", "EventWithItsPosts", singles.show_event, (FIELDS,)
    ),
    DocumentEndpoint("/alerts/{id}", "One alert, explained.", "ExplainedAlert", singles.show_alert, (FIELDS,)),
    DocumentEndpoint(
        "/coverage", "What was watched of each source, when it was blind, what is missing: seven days, or the span.",
        "Coverage", singles.show_coverage, (SOURCE, *SPAN, FIELDS),
    ),
    DocumentEndpoint(
        "/rules/explain", "What a rule or a query looks for, and what it costs.", "ExplainedRule",
        singles.explain_rule, (*_ABOUT, FIELDS),
    ),
    DocumentEndpoint(
        "/rules/test", "What a rule or a query finds in a text.", "TestedRule", singles.test_rule,
        (*_ABOUT, words("text", "The text.", required=True), FIELDS),
    ),
    DocumentEndpoint(
        "/rules/replay", "Where a rule or a query would have matched: 90 days, or the span.", "Replay",
        singles.replay_rule, (*_ABOUT[:2], *SPAN, number("samples", "So many of the newest posts.", 0, 50), FIELDS),
    ),
    DocumentEndpoint(
        "/stats", "Posts per day, source and language: 30 days, or the span; days begin in `tz`.", "NumbersOfPosts",
        singles.show_stats, (*SPAN, FIELDS),
    ),
    DocumentEndpoint(
        "/status", "Whether all is well, and what is not.", "Status", singles.show_status, (FIELDS,)
    ),
)  # fmt: skip

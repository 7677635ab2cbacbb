"""Reads what a public Telegram page shows of a post beside its text: boxes, buttons, bots, signatures, notices."""

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborNode

from bot.sources.telegram_web.draft import Draft
from bot.sources.telegram_web.markup import attribute, classes, link, plain, words_in
from storage.records import Link

NOT_SHOWN = "not shown by the page"

_MOST = 30  # boxes of one kind that become texts of their own
_LABEL = ".message_media_not_supported_label"
_VIA = ".tgme_widget_message_via_bot"
_SIGNATURE = ".tgme_widget_message_forwarded_from_author"
_NOTICE = re.compile(
    r"This (?:message|post|media|content|channel|group) "
    r"(?:can(?:[’']?t|not)|could(?:n[’']t| not)) be (?:displayed|shown|viewed)\b[^\n]{0,160}",
    re.IGNORECASE,
)


def read_box(draft: Draft, node: LexborNode) -> None:
    """A contact, an invoice or a game: each line that people see in it."""
    draft.attached.append(plain(node))


def read_place(draft: Draft, node: LexborNode) -> None:
    """A place on the map; one that has a name is a venue."""
    draft.add("location", node, name=attribute(node, "href"), reason="a place, not a file", key=str(draft.number))
    draft.attached.append(plain(node))


def read_button(draft: Draft, node: LexborNode) -> None:
    """A button below the post; what it opens is one of its links."""
    words = plain(node)
    draft.buttons.append((words, link(words, node)))


def read_author(draft: Draft, node: LexborNode) -> None:
    """The head of the bubble is the channel's own name, and the bot by which the post was sent."""
    read_via(draft, node)


def read_via(draft: Draft, node: LexborNode) -> None:
    """The bot by which the post was sent, in this element or below it."""
    bot = plain(node) if _VIA[1:] in classes(node) else words_in(node, _VIA)
    draft.via = draft.via or bot


def read_signature(draft: Draft, node: LexborNode) -> None:
    """Who signed the post that is forwarded; in the same line is its bot."""
    read_via(draft, node)
    draft.signature = words_in(node, _SIGNATURE)


def unlinked_origin(node: LexborNode) -> str:
    """The name in "Forwarded from NAME (SIGNATURE) via @BOT" where it is in no element of its own."""
    words = plain(node).removeprefix("Forwarded from")
    for other in (_SIGNATURE, _VIA):
        words = words.replace(words_in(node, other) or "\0", "")
    return words.removesuffix("via ").strip().removesuffix("()").strip()


def is_notice(text: str) -> bool:
    """Whether these are Telegram's own words for a post that it does not show, in place of the post's."""
    return _NOTICE.fullmatch(text) is not None


def find_notice(draft: Draft, *, blank: bool) -> str | None:
    """What the page says in place of the post or of a part of it; `blank`: it shows nothing else of the post."""
    hidden = draft.hidden_notice
    notice = draft.notice or (words_in(hidden, _LABEL) if blank and hidden is not None else "")
    if draft.service or not (notice or blank):
        return None
    return f"{NOT_SHOWN}: {notice}" if notice else NOT_SHOWN


def read_notice(draft: Draft, node: LexborNode) -> None:
    """A notice in place of the content: embed pages show service messages like this."""
    label = words_in(node, _LABEL)
    if label == "Service message":
        draft.service = True
    elif "media_not_supported_cont" in classes(node):
        draft.hidden_notice = node
    else:
        draft.notice = draft.notice or label


def read_hidden_notice(draft: Draft, node: LexborNode) -> None:
    """Every post of 2026 has one; the style sheet shows it where there is no content beside it."""
    draft.hidden_notice = node


def attached_words(draft: Draft) -> tuple[str, ...]:
    """One text for each place, in the order in which the account reads them; lines that the post says are left out."""
    if not (draft.via or draft.signature or draft.attached or draft.buttons):
        return ()
    poll = draft.poll
    said = {line.strip() for text in draft.text for line in text.split("\n")}
    said.update((poll.question, *poll.options) if poll is not None else ())
    places = [
        f"via {draft.via}" if draft.via else "",
        draft.signature,
        *draft.attached,
        "\n".join(line for words, target in draft.buttons for line in (words, target.url if target else "")),
    ]
    found = ("\n".join(dict.fromkeys(_lines(place, said))) for place in places)
    return bounded(found)


def bounded(found: Iterable[str]) -> tuple[str, ...]:
    """Each text once; beyond what any real post has, the rest as one."""
    texts = [text for text in dict.fromkeys(found) if text]
    return (*texts[:_MOST], *(("\n".join(texts[_MOST:]),) if len(texts) > _MOST else ()))


def opened_by_buttons(draft: Draft) -> tuple[Link, ...]:
    """What its buttons open."""
    return tuple(target for _, target in draft.buttons if target is not None)


def _lines(text: str, said: set[str]) -> Iterator[str]:
    for line in text.split("\n"):
        if (words := line.strip()) and words not in said:
            yield words

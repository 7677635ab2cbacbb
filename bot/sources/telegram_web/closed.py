"""Why a public Telegram page shows no posts, as far as the page says: a group, a ban, a law, no such name."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from bot.sources.telegram_web.markup import attribute, is_monstrous, plain, repaired
from storage import state_names as states
from storage.frozen import dataclass

_OTHER_KINDS = 'to read it, sign in with an account and use kind = "telegram"'
_SAID = (  # where Telegram writes why it does not show a channel
    ".tgme_widget_message_error",
    ".tgme_page_extra",
    ".tgme_page_additional",
    ".tgme_widget_message_centered",
)
_DESCRIPTIONS = (".tgme_page_description", ".tgme_channel_info_description", 'meta[property="og:description"]')
_REFUSAL = re.compile(
    r"(?:(?:Sorry, |Unfortunately, )?(?:this|the) )?(?:channel|group|chat|content|account|user|page|username)\b"
    r"[^.!]{0,80}?\b(?:can[’']?t|can ?not|could(?: not|n[’']t)|is(?: not|n[’']t| no longer)?|was|has been) (?:be )?"
    r"(?:displayed|shown|viewed|opened|accessed|available|accessible|unavailable|inaccessible|private|blocked|banned"
    r"|restricted|suspended|closed|removed|deleted|terminated|used to spread)\b",
    re.IGNORECASE,
)
_DISPLAYED = re.compile(
    r"this (?:channel|group|chat) (?:can[’']?t|cannot|could(?: not|n[’']t)) be displayed\b", re.IGNORECASE
)
_COPYRIGHT = re.compile(r"copyright|DMCA|intellectual property|infring", re.IGNORECASE)
_LAW = re.compile(
    r"\b(?:laws?|legal|legislation|court|countr(?:y|ies)|region|jurisdiction|government|authorit(?:y|ies)|regulator"
    r"|Roskomnadzor|sanctions?)\b",
    re.IGNORECASE,
)
_PRIVATE = re.compile(r"\bprivate\b", re.IGNORECASE)
_COUNT = re.compile(r"(?:no|[0-9][0-9\s.,]{0,20}[KM]?)\s{1,9}(?:monthly )?(\w+)", re.IGNORECASE)
_BOT = re.compile(r"^@\w+bot$|\bstart bot\b", re.IGNORECASE)
_INVITED = re.compile(r"\byou(?: are|['’]re) invited\b|^join (?:channel|group)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Closed:
    """The state of a channel that shows no posts, and why, as the end of "t.me/NAME …"."""

    state: str
    reason: str


_INVITE_ONLY = Closed(states.PRIVATE, f"can be read only by who has joined it; {_OTHER_KINDS}")
_IS_BOT = Closed(states.BOT, "is a bot, and bots have no posts: correct the name in the config")
_IS_PERSON = Closed(states.PERSON, "is a person, and persons have no posts: correct the name in the config")
_NOBODY = Closed(
    states.NO_SUCH_NAME,
    "is no channel: deleted, renamed or misspelt (Telegram says the same to who asks it too often)",
)
_BY_COUNT = {
    "subscriber": Closed(states.PREVIEW_DISABLED, f"is a channel whose public pages are switched off; {_OTHER_KINDS}"),
    "member": Closed(states.GROUP, f"is a group, and groups have no public pages; {_OTHER_KINDS}"),
    "user": _IS_BOT,
}


def find_why(html: bytes) -> Closed | None:
    """What the page says; None where it says nothing that we know, as a page that shows posts."""
    if is_monstrous(html):
        return None
    tree = LexborHTMLParser(repaired(html))
    if tree.css_first("div.tgme_widget_message[data-post]") is not None:
        return None
    return _refusal(tree) or _other_page(tree)


def _refusal(tree: LexborHTMLParser) -> Closed | None:
    """Telegram's own sentence in place of the channel."""
    for words in _sentences(tree):
        if _COPYRIGHT.search(words):
            return Closed(states.COPYRIGHT, f"is blocked for copyright; Telegram says: {words}")
        if _LAW.search(words):
            return Closed(states.BLOCKED_BY_LAW, f"is blocked by law, perhaps only here; Telegram says: {words}")
        if _PRIVATE.search(words):
            return Closed(states.PRIVATE, f"is private; {_OTHER_KINDS}; Telegram says: {words}")
        return Closed(states.BANNED, f"is not shown by Telegram any more; it says: {words}")
    return None


def _sentences(tree: LexborHTMLParser) -> Iterator[str]:
    """What Telegram says in place of a channel. The description of a channel that is there is its owner's."""
    alive = _COUNT.match(_words(tree, "extra")) or tree.css_first(".tgme_channel_info_counter")
    for selector in (*_SAID, *_DESCRIPTIONS):
        form = _DISPLAYED if alive and selector in _DESCRIPTIONS else _REFUSAL
        for node in tree.css(selector)[:3]:
            words = " ".join((attribute(node, "content") or plain(node)).split())
            if form.match(words):
                yield words[:200]


def _other_page(tree: LexborHTMLParser) -> Closed | None:
    """The page about a name (https://t.me/NAME): whom it belongs to."""
    if tree.css_first(".tgme_page") is None:
        return None
    title, extra, action = (_words(tree, name) for name in ("title", "extra", "action"))
    counted = _COUNT.match(extra)
    noun = counted[1].lower() if counted else ""
    for known, closed in _BY_COUNT.items():
        if noun.startswith(known):
            return closed
    if _INVITED.search(action) or _INVITED.search(_words(tree, "additional")):
        return _INVITE_ONLY
    if _BOT.search(extra) or _BOT.search(action):
        return _IS_BOT
    if title and (extra.startswith("@") or "message" in action.lower()):
        return _IS_PERSON
    return None if title else _NOBODY


def _words(tree: LexborHTMLParser, name: str) -> str:
    found = tree.css_first(f".tgme_page_{name}")
    return plain(found) if found is not None else ""

"""PURE: the words of older letters that a letter repeats below or between its own, as mail programs write them."""

import re

from bot.foreign.markup import tidy

_LONGEST = 300  # characters of the line that names who wrote what is repeated, and when
_LINES = 3  # into which it may have been broken
_HEAD_LINES = 7
_ADDRESS = re.compile(r"<?[^\s<>]{1,100}@[^\s<>]{1,200}>?")
_ENDS = re.compile(r"[:：]\s*$")
_SENTENCE_ENDS = tuple(".!?…။۔。！？")
_RULE = re.compile(r"\s*(?:[-_=—–]\s?){3,}\s*(?:[^\W_][^\n]{0,60}?\s*(?:[-_=—–]\s?){3,})?\s*")
_LABELLED = re.compile(r"\s*(?:[-_=—–]\s?){3,}\s*[^\W_].*")
_HEAD = re.compile(r"\*?[^\W\d_][^:：\n]{0,30}[:：](?!//)\*?\s*\S.*")
_SENDER = re.compile(  # the first line of an old letter's head, as programs of many languages write it
    r"\*?(?:from|von|de|da|van|från|fra|od|lähettäjä|kimden|dari|từ|feladó|expeditor|от|від|ад|מאת|من|از|发件人|寄件者|寄件人|差出人"
    r"|보낸 사람|จาก|ပို့သူ|ပေးပို့သူ|မှ|प्रेषक|প্রেরক)\s*[:：]\*?\s*\S.*",
    re.IGNORECASE,
)


def part_quotes(words: str) -> tuple[str, str]:
    """A text without the older words that it repeats, and those: marked lines, all behind the head of an old letter.

    Where nothing else is left, nothing counts as repeated: a letter that only hands on another one says that one.
    """
    lines, own, old = words.split("\n"), list[str](), list[str]()
    for at, line in enumerate(lines):
        if _begins_old_letter(lines, at):
            old += lines[at:]
            break
        marked = line.lstrip().startswith((">", "＞"))
        if marked and not old:
            own, old = _part_attribution(own)
        (old if marked else own).append(line)
    text = tidy("\n".join(own))
    return (text, tidy("\n".join(old))) if text else (tidy(words), "")


def part_attribution(words: str) -> tuple[str, str]:
    """A text that stood before a quotation, without the line that names whose that is; and that line."""
    own, named = _part_attribution([*words.split("\n"), ""])
    return tidy("\n".join(own)), tidy("\n".join(named))


def _part_attribution(own: list[str]) -> tuple[list[str], list[str]]:
    end = len(own)
    while end and end > len(own) - 2 and not own[end - 1].strip():
        end -= 1
    adjacent = end == len(own)
    for count in range(_LINES, 0, -1):
        start = end - count
        piece = own[max(start, 0) : end]
        if start >= 0 and all(line.strip() for line in piece) and _is_attribution(piece, adjacent=adjacent):
            return own[:start], own[start:]
    return own, []


def _is_attribution(piece: list[str], *, adjacent: bool) -> bool:
    """Whether these lines say who wrote what follows. One line that ends with a colon is enough right above it."""
    whole = " ".join(line.strip() for line in piece)
    if len(whole) > _LONGEST or any(line.rstrip().endswith(_SENTENCE_ENDS) for line in piece[:-1]):
        return False
    ends, dated = bool(_ENDS.search(whole)), any(char.isdigit() for char in whole)
    named = bool(_ADDRESS.search(whole) or _ADDRESS.search("".join(line.strip() for line in piece)))
    if len(piece) == 1:
        return (ends and (adjacent or dated)) or (named and dated)
    return dated and named


def _begins_old_letter(lines: list[str], at: int) -> bool:
    """Whether the head of an older letter begins here: a rule or the sender, then lines such as "Date: …"."""
    if len(lines[at]) > _LONGEST:
        return False
    if re.fullmatch(r"\s*-{3,}\s*Original Message\s*-{3,}\s*", lines[at], re.IGNORECASE):
        return True
    if _RULE.fullmatch(lines[at]):
        return _is_head(lines[at + 1 : at + 1 + _HEAD_LINES], 2 if _LABELLED.fullmatch(lines[at]) else 3)
    above = lines[at - 1].strip() if at else ""
    head = lines[at : at + _HEAD_LINES]
    return not above and bool(_SENDER.fullmatch(lines[at].strip())) and _is_head(head, 3) and _is_dated(head)


def _is_head(lines: list[str], least: int) -> bool:
    head = [line for line in lines if _HEAD.fullmatch(line.strip())]
    return len(head) >= least and (len(head) > least or any("@" in line for line in head))


def _is_dated(lines: list[str]) -> bool:
    return any(char.isdigit() for line in lines for char in line)

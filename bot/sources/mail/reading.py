"""The child process that reads a letter: no network, no files, little memory and little time.

It is started by path and loads nothing of this project but a few small modules. A question is a `LetterRequest` and the
letter; the answer is one line of JSON (`LetterAnswer`) and then, where one was wanted, the bytes of a file.
"""

import email.errors
import email.header
import email.policy
import email.utils
import hashlib
import json
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import TypedDict

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[3]))

from bot.foreign.charset import decode
from bot.foreign.markup import plain, tidy
from bot.foreign.repeated import part_attribution, part_quotes
from bot.forks import serve
from bot.landlock import confine
from bot.limits import limit_memory, limit_process

MEMORY = 768 << 20
NO_ID = "sha256:"  # begins the id of a letter that has none of its own
_MOST_PARTS = 500
_DEEPEST = 100
_MOST_FILES = 100
_LONGEST_FIELD = 4_000  # characters that say of what kind a part is
_LONGEST_HEADER = 20_000  # characters of a header that are read
_MOST_WORDS = 500_000  # letters of text
_RECEIVED = re.compile(rb"(?im)^received:")
_CHARSETS = re.compile(rb"(?i)charset\*?=[ \t]*[\"']?([\w.:-]{1,40})|=\?([\w.:-]{1,40})[*?]|\*=([\w.:-]{1,40})''")
_QUOTES = (
    'blockquote[type="cite"], .gmail_quote, .yahoo_quoted, .moz-cite-prefix, #divRplyFwdMsg ~ *, #appendonsend ~ *, '
    ".protonmail_quote, .zmail_extra, #isReplyContent, .tutanota_quote"
)


class LetterRequest(TypedDict):
    """What the parent asks: the words of the letter, or the bytes of the file of this number."""

    file: int | None
    cut: bool  # only the beginning of the letter is given


class LetterFile(TypedDict):
    """A file in a letter; its bytes are not in the answer."""

    number: int
    mime: str
    name: str
    size: int


class LetterAnswer(TypedDict, total=False):
    """What a letter says. `sender` are addresses in its From line, `verdict` what the receiving server found of it."""

    unreadable: str
    id: str
    sender: list[str]
    author: str
    date: str
    title: str
    reply_to: str
    text: str
    quoted: str
    links: list[tuple[str, str]]
    files: list[LetterFile]
    verdict: str
    size: int


class BrokenLetter(Exception):
    """Why a letter cannot be read, in one sentence."""


def read_letter(data: bytes, *, cut: bool = False) -> LetterAnswer:
    """What the letter says. Raises BrokenLetter."""
    letter = _parse(data)
    words, files = _sort(letter)
    own: list[str] = []
    repeated: list[str] = []
    links: list[tuple[str, str]] = []
    plain_too = any(not page and _plain_words(part).strip() for part, page, _ in words)
    for part, page, one_form in words:
        if page:
            new, old, found = _page_words(_decoded(part))
            links += found
            if one_form and plain_too:
                continue  # the same words as the plain part
            if not new:
                new, old = old, ""
        else:
            new, old = _plain_words(part), ""
        new, marked = part_quotes(tidy(new))
        own.append(new)
        repeated += [old, marked]
    text, quoted = (tidy("\n\n".join(filter(None, some))) for some in (own, repeated))
    if cut and files:
        files = files[:-1]  # the last one may be incomplete; it is in the whole letter
    return LetterAnswer(
        id=_message_id(letter),
        sender=[address for _, address in _addresses(letter, "from") if address],
        author=next((f"{name} <{address}>" if name else address for name, address in _addresses(letter, "from")), ""),
        date=_header(letter, "date")[:200],
        title=_header(letter, "subject")[:1_000],
        reply_to=_bare_id(_header(letter, "in-reply-to")),
        text=text[:_MOST_WORDS],
        quoted=quoted[:_MOST_WORDS],
        links=links,
        files=[_described(number, part) for number, part in enumerate(files[:_MOST_FILES])],
        verdict=_verdict(data),
        size=len(data),
    )


def read_file(data: bytes, number: int) -> bytes:
    """The bytes of a file in the letter, without its wrapping. Raises BrokenLetter."""
    files = _sort(_parse(data))[1]
    if not number < len(files):
        raise BrokenLetter("the letter has no such file any more")
    return _payload(files[number])


def _parse(data: bytes) -> Message:
    try:
        letter = BytesParser(policy=email.policy.compat32).parsebytes(data)
    except RecursionError:
        raise BrokenLetter("its parts are nested too deep") from None
    if not letter.keys():
        raise BrokenLetter("it has no header")
    return letter


def _sort(letter: Message) -> tuple[list[tuple[Message, bool, bool]], list[Message]]:
    """The parts with words of the letter, in order, and its files.

    Of each part with words: whether it is HTML, and whether it is one of several forms of the same words.
    """
    words: list[tuple[Message, bool, bool]] = []
    files: list[Message] = []
    for part, one_form in _leaves(letter):
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html") and part.get_content_disposition() != "attachment" and not _name(part):
            words.append((part, kind == "text/html", one_form))
        else:
            files.append(part)
    return words, files


def _leaves(letter: Message) -> Iterator[tuple[Message, bool]]:
    """Parts without parts, in order, and whether each is one of several forms of the same. Raises BrokenLetter."""
    ahead: list[tuple[Message, int, bool]] = [(letter, 0, False)]
    seen = 0
    while ahead:
        part, depth, alternative = ahead.pop()
        seen += 1
        if seen > _MOST_PARTS or depth > _DEEPEST:
            raise BrokenLetter("it has more parts than can be read")
        _shorten(part)
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            one_of = part.get_content_subtype() == "alternative"
            ahead += [(one, depth + 1, one_of or alternative) for one in reversed(_parts(part))]
        else:
            yield part, alternative


def _shorten(part: Message) -> None:
    """Cut off what is no name and no boundary any more: the standard library reads parameters in quadratic time."""
    for name in ("content-type", "content-disposition"):
        written = str(part.get(name, ""))
        if len(written) > _LONGEST_FIELD:
            del part[name]
            part[name] = written[:_LONGEST_FIELD]


def _parts(part: Message) -> list[Message]:
    """What a part is made of; of any other, `get_payload` would decode the words, by whatever charset it names."""
    inner: object = part.get_payload() if part.is_multipart() else []
    return [one for one in inner if isinstance(one, Message)] if isinstance(inner, list) else []


def _payload(part: Message) -> bytes:
    if part.is_multipart():  # a letter within the letter
        return b"".join(one.as_bytes() for one in _parts(part))
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _decoded(part: Message) -> str:
    kind = part.get("content-type", "")
    try:
        return decode(_payload(part), str(kind)).text
    except ValueError:
        return _payload(part).decode("utf-8", "replace")


def _plain_words(part: Message) -> str:
    """The words of a plain part; lines that were only broken to be sent are whole again (RFC 3676)."""
    text = _decoded(part).replace("\r\n", "\n").replace("\r", "\n")
    if str(part.get_param("format") or "").lower() != "flowed":
        return text
    blank = "" if str(part.get_param("delsp") or "").lower() == "yes" else " "
    return re.sub(r"(?m)(?<![-]-)(?<=\S) \n(?! ?>|\n|-- )", lambda _: blank, text)


def _page_words(markup: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Words of a page without what it quotes at the end, those words, and the links outside of them."""
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(markup)
    quotes: list[str] = []
    while len(quotes) < _MOST_PARTS and (node := page.css_first(_QUOTES)) is not None:
        quotes.append(plain(node.html or "")[0])
        node.decompose()
    words, links = plain(page.body.html or "" if page.body is not None else "")
    if quotes:
        words, named = part_attribution(words)
        quotes.insert(0, named)
    quoted = tidy("\n\n".join(quotes))
    return words, quoted, [(name, url) for name, url in links if url.startswith(("http://", "https://", "mailto:"))]


def _header(letter: Message, name: str) -> str:
    """A header's words in one line, whatever was done to them on the way."""
    written = letter.get(name)
    if written is None:
        return ""
    found: list[str] = []
    written = re.sub(r"\r?\n(?=[ \t])", "", str(written)[:_LONGEST_HEADER])
    try:
        pieces = email.header.decode_header(written)
    except (ValueError, LookupError, email.errors.MessageError):
        pieces = [(str(written), None)]
    for words, charset in pieces:
        if isinstance(words, str):
            found.append(words.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        else:
            try:
                label = f"text/plain; charset={charset}" if charset and charset != "unknown-8bit" else ""
                found.append(decode(words, label).text)
            except ValueError:
                found.append(words.decode("utf-8", "replace"))
    return " ".join("".join(found).split())


def split_addresses(*written: str) -> list[tuple[str, str]]:
    """Names and addresses as they are written; none of what nests its comments too deep."""
    try:
        return email.utils.getaddresses([one[:10_000] for one in written])
    except RecursionError:
        return []


def _addresses(letter: Message, name: str) -> list[tuple[str, str]]:
    """Names and addresses of a header; the names are read after the addresses are taken apart, as RFC 2047 wants."""
    written = [str(one) for one in letter.get_all(name, [])][:5]
    found = []
    for shown, address in split_addresses(*written)[:20]:
        fake = Message()
        fake["x"] = re.sub(r"[\r\n]+", " ", shown)
        found.append((_header(fake, "x"), address if address.isprintable() else ""))
    return found


def _message_id(letter: Message) -> str:
    """Message-ID, else the hash of the words: a letter without one is the same letter wherever it lies."""
    written = _bare_id(_header(letter, "message-id"))
    if written:
        return written
    digest = hashlib.sha256()
    for part, _ in _leaves(letter):
        digest.update(_payload(part))
    return f"{NO_ID}{digest.hexdigest()}"


def _bare_id(written: str) -> str:
    found = re.search(r"<?([^\s<>]{3,300})>?", written)
    return found[1] if found and found[1].isprintable() else ""


def _name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, IndexError, TypeError):
        name = ""
    fake = Message()
    fake["x"] = re.sub(r"[\r\n]+", " ", name)
    return _header(fake, "x")[:300]


def _described(number: int, part: Message) -> LetterFile:
    return LetterFile(number=number, mime=part.get_content_type(), name=_name(part), size=len(_payload(part)))


def _verdict(data: bytes) -> str:
    """What the receiving server found of the sender (Authentication-Results, RFC 8601).

    Only what is above the second Received line: everything below it was there before the letter came to that server.
    """
    head = re.split(rb"\r?\n\r?\n", data[: 1 << 20], maxsplit=1)[0]
    lines = list(_RECEIVED.finditer(head))
    own = head[: lines[1].start()] if len(lines) > 1 else head if lines else b""
    found = re.search(rb"(?ims)^authentication-results:[ \t]*((?:[^\r\n]|\r?\n[ \t])+)", own)
    return " ".join(found[1].decode("utf-8", "replace").split())[:1_000] if found else ""


# The process ------------------------------------------------------------------------------------------------------


_SAMPLE = (
    b"From: =?utf-8?Q?a?= <a@b.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
    b"--x\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A9 \xff\n"
    b"--x\nContent-Type: image/png; name*=utf-8''%C3%A9\nContent-Transfer-Encoding: base64\n\nAAAA\n"
    b"--x\nContent-Type: a/b\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n#AAAA\n`\nend\n"
    b"--x\nContent-Type: message/rfc822\n\nSubject: \xe9\n\nx\n--x--\n"
)


def load_everything(data: bytes) -> None:
    """Load what reading a letter needs, while files can be opened: also the codec of each charset that it names."""
    load_parsers()
    for label in set(_CHARSETS.findall(data)[:10_000]):
        name = next(filter(None, label)).decode("ascii", "replace")
        with suppress(ValueError):
            decode(b"\xe9", f"text/plain; charset={name}")


@cache
def load_parsers() -> None:
    """Read a letter of our own: then everything that reading loads is there."""
    for number in range(len(read_letter(_SAMPLE)["files"])):
        read_file(_SAMPLE, number)


def answer_one(order: LetterRequest, data: bytes, cpu_s: int) -> bytes:
    """Answer one request, in a fork."""
    limit_process(cpu_s, MEMORY)
    found = b""
    answer: LetterAnswer
    try:
        load_everything(data)
        confine()
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        if order["file"] is None:
            answer = read_letter(data, cut=order["cut"])
        else:
            found, answer = read_file(data, order["file"]), {}
    except BrokenLetter as reason:
        answer = {"unreadable": str(reason)}
    except MemoryError:
        answer = {"unreadable": f"it needs more than {MEMORY >> 20} MB to be read"}
    except RecursionError:
        answer = {"unreadable": "its parts are nested too deep"}
    words = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return words + b"\n" + found


if __name__ == "__main__":
    limit_memory(MEMORY)
    serve(answer_one, lambda _: load_parsers())

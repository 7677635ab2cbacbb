"""Letters that the child process has read, as posts."""

from urllib.parse import quote, unquote

from bot.foreign.text import one_line
from bot.foreign.times import read_usable_time
from bot.sources.mail.reading import LetterAnswer, LetterFile
from storage.records import FetchedMedia, FetchedPost, Link, MediaKind, Raw

_KINDS: dict[str, MediaKind] = {"image": "photo", "audio": "audio", "video": "video"}
_NO_VERDICT = "the mail server did not say whether the sender is genuine"


def file_address(native_id: str, which: int | str) -> str:
    """How a file of a letter is called; "whole" is all of the letter."""
    return f"mail:{quote(native_id, safe='')}/{which}"


def read_address(url: str) -> tuple[str, int | None]:
    """The letter and the number of its file; None for the whole letter. Raises ValueError."""
    native_id, _, which = url.removeprefix("mail:").partition("/")
    return unquote(native_id), None if which == "whole" else int(which)


def make_post(letter: LetterAnswer, data: bytes, size: int, now: int) -> FetchedPost:
    """The post of a letter of so many bytes, of which `data` was fetched."""
    verdict = one_line(letter["verdict"])
    files = [_media(file, letter["id"]) for file in letter["files"]]
    if size > len(data):
        whole = file_address(letter["id"], "whole")
        files.append(FetchedMedia("document", "whole", whole, "message/rfc822", "the whole letter.eml", bytes=size))
    return FetchedPost(
        native_id=letter["id"],
        raw=Raw(data, "message/rfc822"),
        text=letter["text"],
        posted_at=read_usable_time(letter["date"], now),
        posted_raw=letter["date"],
        title=letter["title"] or None,
        author=one_line(letter["author"]) or None,
        reply_to=letter["reply_to"] or None,
        links=tuple(Link(words, url) for words, url in letter["links"]),
        media=tuple(files),
        quoted=letter["quoted"],
        remarks=(f"the mail server's check of the sender: {verdict}" if verdict else _NO_VERDICT,),
    )


def _media(file: LetterFile, letter: str) -> FetchedMedia:
    kind = _KINDS.get(file["mime"].partition("/")[0], "document")
    number = file["number"]
    address = file_address(letter, number)
    return FetchedMedia(kind, f"file {number}", address, file["mime"], file["name"] or None, bytes=file["size"])

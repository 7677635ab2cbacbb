"""Files in the Bot API: which go together as an album, and requests with files in them (core.telegram.org/bots/api)."""

import json
from collections.abc import Mapping, Sequence

from bot.contracts.message import Attachment
from bot.contracts.target import MessageRefused
from bot.foreign.graphemes import clip
from bot.http.form import FilePart, multipart

CAPTION = 1024  # UTF-16 units
UPLOAD = 50 << 20  # of one request
_PHOTO = 10 << 20
_ALBUM = 10
# Types that each method accepts (core.telegram.org/bots/api#sendvoice); anything else goes as a document.
_METHODS = {
    "voice": ("sendVoice", {"audio/ogg", "audio/mpeg", "audio/mp4"}),
    "audio": ("sendAudio", {"audio/mpeg", "audio/mp4"}),
    "photo": ("sendPhoto", {"image/jpeg", "image/png", "image/webp"}),
    "video": ("sendVideo", {"video/mp4"}),
    "round": ("sendVideo", {"video/mp4"}),
}
_DOCUMENT = "sendDocument"
_SEEN = frozenset({"sendPhoto", "sendVideo"})
_FIELDS = (
    "chat_id", "parse_mode", "disable_notification", "message_thread_id", "reply_parameters", "reply_markup",
)  # fmt: skip


def together(files: Sequence[Attachment]) -> Sequence[Attachment]:
    """Which of these go in one album with the first of them: pictures and films, or music, or documents; no voices."""
    first = _family(files[0])
    if first == "sendVoice":
        return files[:1]
    album, size = list[Attachment](), 0
    for file in files:
        if _family(file) == first and len(album) < _ALBUM and size + file.size <= UPLOAD:
            album.append(file)
            size += file.size
    return album


def write_upload(
    request: Mapping[str, object], files: Sequence[Attachment], *, as_documents: bool = False
) -> tuple[str, bytes, str]:
    """Method, body and content type of a message with files. Raises MessageRefused if one cannot be read."""
    try:
        data = [file.path.read_bytes() for file in files]
    except OSError as problem:
        raise MessageRefused(f"its file cannot be read ({problem.strerror})") from None
    methods = [_DOCUMENT if as_documents else _method(file) for file in files]
    fields = {key: _written(request[key]) for key in _FIELDS if key in request}
    text = str(request["text"])
    caption = text if "parse_mode" in request else clip(text, CAPTION)
    kinds = [method.removeprefix("send").lower() for method in methods]
    if len(files) == 1:
        names, method = kinds, methods[0]
        fields["caption"] = caption
    else:
        names, method = [f"file{number}" for number in range(len(files))], "sendMediaGroup"
        fields.pop("reply_markup", None)  # an album has no buttons
        album: list[dict[str, object]] = [
            {"type": kind, "media": f"attach://{name}"} for kind, name in zip(kinds, names, strict=True)
        ]
        album[0] |= {"caption": caption} | ({"parse_mode": fields.pop("parse_mode")} if "parse_mode" in fields else {})
        fields["media"] = json.dumps(album)
    parts = [
        FilePart(name, file.name, file.mime, content) for name, file, content in zip(names, files, data, strict=True)
    ]
    body, kind = multipart(fields, *parts)
    return method, body, kind


def _method(file: Attachment) -> str:
    method, mimes = _METHODS.get(file.kind, ("", frozenset[str]()))
    return _DOCUMENT if file.mime not in mimes or (method == "sendPhoto" and file.size > _PHOTO) else method


def _family(file: Attachment) -> str:
    method = _method(file)
    return "seen" if method in _SEEN else method


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)

"""Transcribes recordings on a server with OpenAI's protocol: a cloud service or your own machine with a GPU.

This works best for Burmese: Omnilingual ASR or a Whisper that was tuned for Burmese, behind vLLM, speaches or any
other server of `/v1/audio/transcriptions` (https://platform.openai.com/docs/api-reference/audio). It receives every
recording of the sources in its scope: choose one that you trust.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from bot.clock import MINUTE, SECOND
from bot.contracts.engine import MB, Bounds, EngineSettings, EngineTools, EnrichResult, Made, MediaFile, Unfit
from bot.contracts.settings import Duration, SecretFile, Size
from bot.enrich import audio, remote
from bot.enrich.transcript import Speech, code, result
from bot.http import Reply
from bot.http.form import FilePart, multipart
from storage.records import MediaKind

_PATH = "/audio/transcriptions"
_SUFFIXES = {
    "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "video/mp4": "mp4", "audio/flac": "flac",
    "audio/wav": "wav", "video/webm": "webm", "audio/amr": "amr", "audio/aac": "aac", "video/ogg": "ogg",
}  # fmt: skip
_FORMAT_REFUSED = (400, 415, 422)  # answers to an unknown response_format
_MOST_PROMPT = 600  # characters; the model uses 224 tokens


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "openai".

    `url` is the part before `/audio/transcriptions`. `send` is the format in which recordings are sent: as they are,
    or converted by ffmpeg for a server that reads only some formats. `largest` is the limit of the server.
    """

    kind: Literal["openai"]
    url: Annotated[str, AfterValidator(remote.check_address)]
    model: str
    key_file: SecretFile | None = None
    send: Literal["as-is", "ogg", "mp3", "wav"] = "as-is"
    largest: Size = 25 << 20
    timeout: Duration = 10 * MINUTE

    def addresses(self) -> tuple[str, ...]:
        return (self.url,)


class OpenAi:
    """One recording, one request. The answer is foreign: only its words and plausible numbers are kept."""

    makes: Made = "transcript"
    reads: frozenset[MediaKind] = frozenset({"voice", "audio", "round", "video"})
    remote = True

    def __init__(self, settings: Settings, tools: EngineTools) -> None:
        self.settings = settings
        self._tools = tools

    def ready(self) -> None:
        remote.read_key(self.settings.key_file)
        if self.settings.send != "as-is":
            audio.ready()

    def bounds(self, media: MediaFile) -> Bounds:  # noqa: ARG002  the server does the work
        return Bounds(cpu_s=180, waits_s=2 * self.settings.timeout / SECOND, memory=1024 * MB, written=256 * MB)

    def read(self, media: MediaFile) -> EnrichResult:
        path, suffix = self._file_to_send(media)
        key = remote.read_key(self.settings.key_file)
        fields = {"model": self.settings.model, "response_format": "verbose_json", "temperature": "0"}
        if len(media.languages) == 1:
            fields["language"] = media.languages[0]
        if media.hotwords:
            fields["prompt"] = ", ".join(media.hotwords)[:_MOST_PROMPT]
        data = path.read_bytes()
        reply = self._post(fields, data, suffix, key)
        if reply.status in _FORMAT_REFUSED:
            reply = self._post(fields | {"response_format": "json"}, data, suffix, key)
        return self._result(remote.read_reply(reply, key), fields.get("language"), media.hotwords)

    def _file_to_send(self, media: MediaFile) -> tuple[Path, str]:
        """The file that is sent, and the suffix of its name. Raises Unfit if it is too large."""
        path, suffix = media.path, _SUFFIXES.get(media.mime)
        if suffix is None:
            raise Unfit(f"its content is {media.mime}, which has no sound")
        if self.settings.send != "as-is":
            suffix = self.settings.send
            path = audio.converted(media, suffix, self.settings.longest, self._tools.temporary)
        size = path.stat().st_size
        if size > self.settings.largest:
            raise Unfit(f"too large: {size / MB:.1f} MB, the server takes {self.settings.largest / MB:.1f} MB")
        return path, suffix

    def _post(self, fields: Mapping[str, str], data: bytes, suffix: str, key: str | None) -> Reply:
        body, form = multipart(fields, FilePart("file", f"recording.{suffix}", "application/octet-stream", data))
        headers = {"content-type": form}
        deadline = self.settings.timeout / SECOND
        return remote.ask(self._tools.http, self.settings.url + _PATH, body, headers, key, deadline=deadline)

    def _result(self, found: Mapping[str, Any], asked: str | None, expected: tuple[str, ...]) -> EnrichResult:
        text = found.get("text")
        segments = found.get("segments")
        speech = [one for one in map(_speech, segments if isinstance(segments, list) else ()) if one]
        timed = _without_spaces("".join(one.text for one in speech)) == _without_spaces(text)
        if not timed:  # the segments differ from the text, or there are none: only the text counts
            speech = [Speech(0.0, 0.0, text)] if isinstance(text, str) else []
        made = result(
            speech,
            language=code(found.get("language")) or asked,
            probability=_number(found.get("language_probability")),
            engine="openai",
            model=self.settings.model,
            expected=expected,
        )
        return made if timed else replace(made, segments=())


def _without_spaces(text: object) -> str:
    return "".join(text.split()) if isinstance(text, str) else ""


def _speech(found: object) -> Speech | None:
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        return None
    start, end = _number(found.get("start")), _number(found.get("end"))
    if start is None or end is None or not 0 <= start <= end:
        return None
    return Speech(start, end, found["text"], _number(found.get("avg_logprob")))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def build(settings: Settings, tools: EngineTools) -> OpenAi:
    """Make the engine behind a checked `[[engines]]` entry."""
    return OpenAi(settings, tools)

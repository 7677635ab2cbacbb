"""Words in recordings, heard by a server that speaks OpenAI's protocol: a cloud, or a machine with a GPU of your own.

That is how Burmese is heard well: Omnilingual ASR or a Whisper that was tuned for Burmese, behind vLLM, speaches or
any other server of `/v1/audio/transcriptions` (https://platform.openai.com/docs/api-reference/audio). It receives
every recording of the sources in its scope: choose one that you trust with them.
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
from bot.enrich import audio
from bot.enrich import remote as enrich_remote
from bot.enrich.transcript import Heard, code, result
from bot.http import Reply
from bot.http.form import multipart
from storage.records import MediaKind

_PATH = "/audio/transcriptions"
_SUFFIXES = {
    "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "video/mp4": "mp4", "audio/flac": "flac",
    "audio/wav": "wav", "video/webm": "webm", "audio/amr": "amr", "audio/aac": "aac", "video/ogg": "ogg",
}  # fmt: skip
_REFUSED_FORM = (400, 415, 422)  # what servers answer to a response_format that they do not know
_MOST_PROMPT = 600  # characters; the model keeps 224 tokens


def address(value: str) -> str:
    """Check the form of a server's address. Raises ValueError."""
    if not value.startswith(("http://", "https://")) or not value.isprintable() or " " in value:
        raise ValueError('expected an address such as "https://gpu.example:8000/v1"')
    return value.rstrip("/")


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "openai".

    `url` ends where `/audio/transcriptions` follows. `send` is the form in which recordings are sent: as they are, or
    converted by ffmpeg for a server that reads only some. `largest` is what the server takes.
    """

    kind: Literal["openai"]
    url: Annotated[str, AfterValidator(address)]
    model: str
    key_file: SecretFile | None = None
    send: Literal["as-is", "ogg", "mp3", "wav"] = "as-is"
    largest: Size = 25 << 20
    timeout: Duration = 10 * MINUTE

    def addresses(self) -> tuple[str, ...]:
        return (self.url,)


class OpenAi:
    """One recording, one request. What it answers is foreign: only its words and plausible numbers are kept."""

    makes: Made = "transcript"
    reads: frozenset[MediaKind] = frozenset({"voice", "audio", "round", "video"})
    remote = True

    def __init__(self, settings: Settings, surroundings: EngineTools) -> None:
        self.settings = settings
        self._surroundings = surroundings

    def ready(self) -> None:
        enrich_remote.secret(self.settings.key_file)
        if self.settings.send != "as-is":
            audio.ready()

    def bounds(self, media: MediaFile) -> Bounds:  # noqa: ARG002  the server's work costs us only its wait
        seconds = 2 * self.settings.timeout / SECOND + 150
        return Bounds(seconds=seconds, cpu_s=180, memory=1024 * MB, written=256 * MB)

    def read(self, media: MediaFile) -> EnrichResult:
        path, suffix = self._sent(media)
        key = enrich_remote.secret(self.settings.key_file)
        fields = {"model": self.settings.model, "response_format": "verbose_json", "temperature": "0"}
        if len(media.languages) == 1:
            fields["language"] = media.languages[0]
        if media.hotwords:
            fields["prompt"] = ", ".join(media.hotwords)[:_MOST_PROMPT]
        data = path.read_bytes()
        reply = self._post(fields, data, suffix, key)
        if reply.status in _REFUSED_FORM:
            reply = self._post(fields | {"response_format": "json"}, data, suffix, key)
        return self._result(enrich_remote.understood(reply, key), fields.get("language"), media.hotwords)

    def _sent(self, media: MediaFile) -> tuple[Path, str]:
        """The file that goes out, and the end of the name that it goes by. Raises Unfit where it is too large."""
        path, suffix = media.path, _SUFFIXES.get(media.mime)
        if suffix is None:
            raise Unfit(f"its content is {media.mime}, which has no sound")
        if self.settings.send != "as-is":
            suffix = self.settings.send
            path = audio.converted(media, suffix, self.settings.longest, self._surroundings.temporary)
        size = path.stat().st_size
        if size > self.settings.largest:
            raise Unfit(f"it has {size / MB:.1f} MB, and the server takes {self.settings.largest / MB:.1f}")
        return path, suffix

    def _post(self, fields: Mapping[str, str], data: bytes, suffix: str, key: str | None) -> Reply:
        body, form = multipart(fields, "file", f"recording.{suffix}", "application/octet-stream", data)
        headers = {"content-type": form}
        deadline = self.settings.timeout / SECOND
        return enrich_remote.ask(
            self._surroundings.http, self.settings.url + _PATH, body, headers, key, deadline=deadline
        )

    def _result(self, found: Mapping[str, Any], asked: str | None, expected: tuple[str, ...]) -> EnrichResult:
        text = found.get("text")
        stretches = found.get("segments")
        heard = [one for one in map(_stretch, stretches if isinstance(stretches, list) else ()) if one]
        timed = _bare("".join(one.text for one in heard)) == _bare(text)
        if not timed:  # the pieces are not the text, or there are none: the text counts, without times
            heard = [Heard(0.0, 0.0, text)] if isinstance(text, str) else []
        made = result(
            heard,
            language=code(found.get("language")) or asked,
            probability=_number(found.get("language_probability")),
            engine="openai",
            model=self.settings.model,
            expected=expected,
        )
        return made if timed else replace(made, segments=())


def _bare(text: object) -> str:
    return "".join(text.split()) if isinstance(text, str) else ""


def _stretch(found: object) -> Heard | None:
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        return None
    start, end = _number(found.get("start")), _number(found.get("end"))
    if start is None or end is None or not 0 <= start <= end:
        return None
    return Heard(start, end, found["text"], _number(found.get("avg_logprob")))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def build(settings: Settings, surroundings: EngineTools) -> OpenAi:
    """Make the engine behind a checked `[[engines]]` entry."""
    return OpenAi(settings, surroundings)

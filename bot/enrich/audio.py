"""Decodes recordings with the ffmpeg program, which may open the given file and nothing else.

ffmpeg would follow a playlist, a list of files or a stream description wherever it leads. So it may use only the
demuxer of the type that the first bytes show, whatever the file's name is, and only the protocols `file` and `pipe`.
"""

import shutil
from pathlib import Path
from typing import Literal

from bot.clock import SECOND
from bot.contracts.engine import MediaFile, Never, Unfit
from bot.enrich.sandbox.command import CommandResult, run

INSTALL = "apt install ffmpeg"
RATE = 16_000  # samples per second; every speech model expects this rate
_CPU_S = 120  # half an hour of sound takes two
_DEMUXERS = {
    "audio/ogg": "ogg", "video/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "mov", "video/mp4": "mov",
    "audio/flac": "flac", "audio/wav": "wav", "audio/amr": "amr", "audio/aac": "aac", "video/webm": "matroska",
}  # fmt: skip
Form = Literal["ogg", "mp3", "wav"]
_CODECS: dict[Form, tuple[str, ...]] = {
    "ogg": ("-c:a", "libopus", "-b:a", "24k", "-f", "ogg"),
    "mp3": ("-c:a", "libmp3lame", "-b:a", "48k", "-f", "mp3"),
    "wav": ("-c:a", "pcm_s16le", "-f", "wav"),
}


def ready() -> None:
    """Raise Never if ffmpeg is missing."""
    _program()


def samples(media: MediaFile, longest: int) -> bytes:
    """The first sound track as 16-bit samples, one channel, at RATE; `longest` is in microseconds.

    Raises Unfit if the file is no recording, has no sound, or is longer.
    """
    most = (longest // SECOND + 2) * RATE * 2
    pcm = _decoded(media, longest, most)
    pcm = pcm[: len(pcm) & ~1]
    if not pcm:
        raise Unfit("it has no sound")
    if len(pcm) > longest / SECOND * RATE * 2:
        raise Unfit(f"too long: at most {longest // SECOND:,} s are read")
    return pcm


def converted(media: MediaFile, form: Form, longest: int, folder: Path) -> Path:
    """Write the first sound track, one channel, to a new file of `form` in `folder`. Raises Unfit like `samples`."""
    plain, target = folder / "samples.raw", folder / f"recording.{form}"
    plain.write_bytes(samples(media, longest))
    raw = ("-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", f"file:{plain}")
    answer = _ffmpeg(*raw, *_CODECS[form], "-y", f"file:{target}", cap=1 << 16)
    plain.unlink()
    if not answer.ok:
        raise RuntimeError(f"ffmpeg could not convert it to {form} (exit {answer.code})")
    return target


def _decoded(media: MediaFile, longest: int, cap: int) -> bytes:
    """Samples of at most one second more than `longest`, which shows that a recording is too long."""
    name = _DEMUXERS.get(media.mime)
    if name is None:
        raise Unfit(f"its content is {media.mime}, which has no sound")
    opened = ("-f", name, "-i", f"file:{media.path}", "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1")
    most = ("-t", str(longest // SECOND + 1), "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-")
    answer = _ffmpeg(*opened, *most, cap=cap)
    if answer.spent:
        raise Unfit(f"the recording takes more than {_CPU_S} s of processor time to decode")
    return answer.out  # of a damaged recording, what could be decoded


def _ffmpeg(*arguments: str, cap: int) -> CommandResult:
    limits = ("-nostdin", "-v", "quiet", "-threads", "1", "-protocol_whitelist", "file,pipe")
    return run((_program(), *limits, *arguments), cpu_s=_CPU_S, cap=cap)


def _program() -> str:
    program = shutil.which("ffmpeg")
    if program is None:
        raise Never("cannot decode recordings: the program ffmpeg is missing", remedy=INSTALL)
    return program

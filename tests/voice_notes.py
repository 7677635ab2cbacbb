"""Speaks statements into voice notes as Telegram sends them: Opus, one channel, 24 kbit/s.

Needs the programs espeak-ng and ffmpeg; `make setup-media` brings both.
"""

import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("espeak-ng", "ffmpeg")


def missing() -> str | None:
    """Why nothing can be spoken here, with the line that mends it; None where all is well."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"{' and '.join(absent)} missing; make setup-media brings them" if absent else None


def speak(
    text: str,
    path: Path,
    *,
    voice: str = "en-us",
    speed: int = 150,
    noise: float | None = None,
    seconds: float | None = None,
) -> Path:
    """Write a voice note to `path`, with pink noise of `noise` dB under it, cut at `seconds`, where those are given."""
    plain = path.with_suffix(".speech.wav")
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", plain, text], check=True, capture_output=True)
    mixed: list[str] = []
    if noise is not None:
        pink = f"anoisesrc=color=pink:amplitude=1:r=22050:seed=7,volume={noise}dB[n];[0:a][n]amix=2:duration=first:normalize=0"
        mixed = ["-filter_complex", pink]
    cut = [] if seconds is None else ["-t", str(seconds)]
    opus = ["-c:a", "libopus", "-b:a", "24k", "-ac", "1", "-ar", "48000", "-application", "voip"]
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(plain), *mixed, *cut, *opus, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    plain.unlink()
    return path

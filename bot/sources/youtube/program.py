"""The program yt-dlp: where it is, which version, and whether that is one that we can use."""

import re
import shutil
import sys
from datetime import date
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from storage.frozen import dataclass

INSTALL = "pip install 'communique[youtube]'"
UPDATE = "pip install -U 'communique[youtube]'"
OLDEST = (2025, 11, 12)  # the first that knows --no-js-runtimes
_FRESH_DAYS = 60  # YouTube changes what older ones expect
_DATE = re.compile(r"(20[0-9]{2})\.([01]?[0-9])\.([0-3]?[0-9])\b")


@dataclass(frozen=True, slots=True)
class YtDlp:
    """How yt-dlp is started. `version` is None where only the program itself can say it."""

    command: tuple[str, ...]
    version: str | None = None


def find_program() -> YtDlp | None:
    """The package beside our own, else the program on the path; None where there is neither."""
    if find_spec("yt_dlp") is not None:
        return YtDlp((sys.executable, "-I", "-m", "yt_dlp"), _find_package_version())
    found = shutil.which("yt-dlp")
    return None if found is None else YtDlp((str(Path(found).absolute()),))


@lru_cache(maxsize=1)
def _find_package_version() -> str | None:
    try:
        return version("yt-dlp")
    except PackageNotFoundError:
        return None


def read_version(written: str) -> date | None:
    """The day of a version: yt-dlp counts in days; None for a version that is none."""
    found = _DATE.search(written)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def find_refusal(written: str) -> str | None:
    """Why a version cannot be used at all; None where it can."""
    day = read_version(written)
    if day is None or day >= date(*OLDEST):
        return None
    return f"yt-dlp {day:%Y.%m.%d} is too old, {date(*OLDEST):%Y.%m.%d} or newer is needed; run: {UPDATE}"


def find_age(written: str, today: date) -> str:
    """The hint that a version may be too old for what YouTube answers today; "" for a fresh one."""
    day = read_version(written)
    days = (today - day).days if day is not None else 0
    return f" (yt-dlp {day:%Y.%m.%d} is {days} days old; run: {UPDATE})" if days > _FRESH_DAYS else ""

"""Reads the bytes of a config file, or says why it cannot be read."""

from pathlib import Path

from bot.errors import ConfigError, Problem

LARGEST = 16 * 1024 * 1024  # bytes


def read_file(path: Path) -> bytes:
    """The bytes of a file, at most one more than a config may have. Raises ConfigError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        hint = ": `communique init` writes one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError((Problem("", f"{error.strerror}{hint}", path=str(path)),)) from None

"""Reads the bytes of a config file, or says why it cannot be read."""

from pathlib import Path

from bot.errors import ConfigError, Problem

LARGEST = 16 * 1024 * 1024  # bytes


def read_file(path: Path) -> bytes:
    """The bytes of a file, at most one more than a config may have. Raises ConfigError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError:
        problem = "there is no such file: correct its path; `communique init` writes a new config.toml"
    except IsADirectoryError:
        problem = f"it is a directory: name the file in it, such as {path / 'config.toml'}"
    except PermissionError:
        problem = f"it may not be read: chmod u+r {path}"
    except OSError as error:
        problem = f"it cannot be read: {(error.strerror or str(error)).lower()}"
    raise ConfigError((Problem("", problem, path=str(path)),))

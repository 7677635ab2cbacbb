"""Where the config file and the data are. Cheap: no pydantic, and the config is not checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config.environment import Environment
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.config.sections import Note

APP = "communique"


def find_config(flag: Path | None, environment: Environment) -> Path | None:
    """Find the config file: --config, COMMUNIQUE_CONFIG, ./config.toml, then the platform's own place; None: no file.

    A file that was named is returned even if it does not exist; whoever reads it reports that.
    """
    asked = flag or environment.config
    if asked:
        return asked.expanduser()
    here = Path("config.toml")
    if here.is_file():
        return here
    there = usual_config()
    return there if there.is_file() else None


def usual_config() -> Path:
    """Name the platform's place for our config file."""
    import platformdirs

    return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"


def data_dir(
    config_flag: Path | None, data_dir_flag: Path | None, environment: Environment, note: "Note | None" = None
) -> Path:
    """Find the directory of database, media, lock and logs.

    --data-dir, COMMUNIQUE_DATA_DIR, [storage] dir (or COMMUNIQUE_STORAGE__DIR), then the platform's place. Reads the
    config file only where it can decide; `note` hears what is wrong if it is no TOML. Raises ConfigError where it is
    not certain what that says of [storage].
    """
    asked = data_dir_flag or environment.data_dir
    if asked:
        return asked.expanduser().absolute()
    config = find_config(config_flag, environment)
    directory = config.absolute().parent if config else Path.cwd()
    for override in environment.overrides:
        if (override.section, override.key) == ("storage", "dir"):
            return directory / Path(override.text).expanduser()
    return _configured(config, directory, note) or usual_data_dir()


def usual_data_dir() -> Path:
    """Name the platform's place for our data."""
    import platformdirs

    return platformdirs.user_data_path(APP, appauthor=False)


def _configured(config: Path | None, directory: Path, note: "Note | None") -> Path | None:
    if config is None:
        return None
    from bot.config.sections import ignore, read_section

    storage = read_section(config, "storage", note or ignore)
    written = storage.get("dir") if isinstance(storage, Mapping) else None
    if written is None:
        return None
    if not isinstance(written, str):
        raise UserError(f"{config}: [storage] dir is not a string; `communique config check` shows more")
    return directory / Path(written).expanduser()


def database_in(directory: Path) -> Path:
    """Name the archive's file in a data directory."""
    return directory / "communique.db"


def people_in(directory: Path) -> Path:
    """Name the file of people, their sessions and tokens in a data directory."""
    return directory / "people.db"


def lock_in(directory: Path) -> Path:
    """Name the file that the running process holds locked."""
    return directory / "communique.lock"


def media_in(directory: Path) -> Path:
    """Name the directory of files that posts carried."""
    return directory / "media"


def prepare(directory: Path) -> str | None:
    """Make the data directory private, before anything is written to it; returns a sentence if it was tightened.

    Raises UserError, with the line that mends it, where anybody may write to it or it belongs to somebody else.
    """
    from storage.archive.errors import ArchiveRefused
    from storage.archive.permissions import make_private

    try:
        return make_private(directory)
    except ArchiveRefused as refused:
        raise UserError(str(refused)) from None

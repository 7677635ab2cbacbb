"""The kinds of value that a config key can hold: durations, counts, names, secret files."""

import datetime as dt
import os
import re
import stat
import zoneinfo
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from bot.clock import MINUTE, SECOND
from bot.contracts.amounts import DURATION, SIZE, duration, size, size_written, written
from bot.errors import UserError
from bot.suggest import did_you_mean
from storage.frozen import dataclass

_NAME = re.compile(r"[^\s\x00-\x1f\x7f/\"']{1,64}")
_TERM = re.compile(r"[^\W_][\w.-]{0,63}")
_LONGEST_SECRET = 65_536


class Settings(BaseModel):
    """A part of the config: frozen, and an unknown key is an error. What checks it is made when it is first needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, defer_build=True)


def zone_name(value: str) -> str:
    """Check the name of a zone in the IANA database. Raises ValueError with a near name."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        known = zoneinfo.available_timezones()
        if not known:
            raise ValueError("this machine has no time zone data: install its tzdata package") from error
        hint = did_you_mean(value, known) or '; a zone is written like "Asia/Yangon" or "UTC"'
        raise ValueError(f"unknown time zone{hint}") from error
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name has 1 to 64 characters, no spaces, quotes or slashes")
    return value


def _not_too_often(microseconds: int) -> int:
    if microseconds < SECOND:
        raise ValueError("a source cannot be polled more often than once a second: the minimum is 1s")
    return microseconds


def term_name(value: str) -> str:
    """Check a name that queries can call as @name. Raises ValueError."""
    if not _TERM.fullmatch(value):
        raise ValueError('a term has 1 to 64 letters and digits, and "-", "_" and "." between them: @regional-command')
    return value


def _amount(value: object) -> object:
    """Check a count, "all", or the date that history is wanted from (ISO, kept as text)."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = value.isoformat()
    counts = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if counts or value == "all" or (isinstance(value, str) and _is_date(value)):
        return value
    raise ValueError('expected a count, a date such as "2024-07-01", or "all"')


def _is_date(value: str) -> bool:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is not None


def _usual(value: object) -> object:
    """Check how long a source may be silent: "auto", "off", or a duration of at least a minute. Raises ValueError."""
    if value in ("auto", "off"):
        return value
    try:
        length = duration(value)
    except ValueError:
        raise ValueError('expected "auto", "off" or a duration such as "6h"') from None
    if length < MINUTE:
        raise ValueError("the shortest silence that can be reported is 1m")
    return length


def _usual_written(value: "int | str") -> str:
    return value if isinstance(value, str) else written(value)


def _beside_config(value: Any, info: ValidationInfo) -> Any:
    """Relative paths start from the directory of the config file."""
    directory = (info.context or {}).get("directory")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path cannot hold a NUL character")
    if isinstance(value, str) and any(sign < " " for sign in value):
        raise ValueError("contains a control character: write the path in single quotation marks")
    if isinstance(value, str) and directory is not None:
        return Path(directory) / Path(value).expanduser()
    return value


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A secret in a file of its own; only the path is ever shown.

    A relative path is looked up in systemd's credentials directory first, then beside the config file. `mounted` is
    True for a file there or in /run/secrets: systemd guards it by access lists, which look like a loose mode; Docker
    and Podman mount it with mode 0444 in a container, where nobody else is. Others may read it then, but not write.
    """

    path: Path
    mounted: bool = False

    def read(self) -> str:
        """Read the secret, without one final newline. Raises UserError with the line that mends the file."""
        data = self._content()
        try:
            secret = data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise UserError(f"{self.path} is not UTF-8 text; write nothing but the secret to it") from None
        if not secret.strip() or len(data) > _LONGEST_SECRET:
            raise UserError(f"{self.path} is {'too long' if secret.strip() else 'empty'}; write the secret to it")
        return secret

    def _content(self) -> bytes:
        """Check and read through one descriptor, so that what is read is what was checked."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}; {_HOW_TO_MAKE.format(path=self.path)}") from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UserError(f"{self.path} is not a file; {_HOW_TO_MAKE.format(path=self.path)}")
            refusal = loose(self.path, status, os.geteuid(), mounted=self.mounted)
            if refusal:
                raise UserError(refusal)
            return os.read(descriptor, _LONGEST_SECRET + 1)
        finally:
            os.close(descriptor)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _secret, serialization=core_schema.plain_serializer_function_ser_schema(lambda kept: str(kept.path))
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: object) -> dict[str, object]:
        return {"type": "string", "description": "a file that holds the secret, mode 0600"}


_MOUNTED = Path("/run/secrets")
_HOW_TO_MAKE = "write the secret to it, then: chmod 600 {path}"


def loose(path: Path, status: os.stat_result, us: int, *, mounted: bool = False) -> str | None:
    """Why a secret in this file is no secret, with the line that mends it; None where nobody else can read it.

    A `mounted` file belongs to whoever made it outside of the container; nobody else may be able to write it.
    """
    mode = stat.S_IMODE(status.st_mode)
    if mounted:
        return f"{path} can be written by others (mode {mode:04o}); mount it with mode 0444" if mode & 0o022 else None
    if status.st_uid not in (us, 0):
        return f"{path} belongs to user {status.st_uid}, not to you ({us}); run: chown {us} {path}"
    if mode & 0o077:
        return f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}"
    return None


def _secret(value: object, info: ValidationInfo) -> SecretFile:
    """Make a SecretFile; only a config that is being loaded (`context`) has its files looked at."""
    if isinstance(value, SecretFile):
        return value
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("expected the path of a file that holds the secret")
    context = info.context or {}
    credentials, path = context.get("credentials_directory"), Path(value).expanduser()
    if credentials is not None and not path.is_absolute() and (credentials / path).is_file():
        found = SecretFile(credentials / path, mounted=True)
    else:
        path = context.get("directory", Path()) / path
        found = SecretFile(path, mounted=path.parent in (credentials, _MOUNTED))
    if context:
        try:
            found.read()
        except UserError as error:
            raise ValueError(str(error)) from None
    return found


Duration = Annotated[
    int,
    BeforeValidator(duration),
    PlainSerializer(written, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "pattern": f"^{DURATION.pattern}$"}),
]
Size = Annotated[
    int,
    BeforeValidator(size),
    PlainSerializer(size_written, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "pattern": f"^{SIZE.pattern}$"}),
]
Name = Annotated[str, AfterValidator(_name)]
Interval = Annotated[Duration, AfterValidator(_not_too_often)]
Amount = Annotated[int | str, BeforeValidator(_amount)]
Usual = Annotated[
    int | str,
    BeforeValidator(_usual),
    PlainSerializer(_usual_written, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^(?:auto|off|{DURATION.pattern})$"}),
]
ConfigPath = Annotated[Path, BeforeValidator(_beside_config)]

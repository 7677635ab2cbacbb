"""The environment of this process as one frozen value; nobody else reads os.environ."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from storage.frozen import dataclass

PREFIX = "COMMUNIQUE_"
_OWN = ("CONFIG", "DATA_DIR", "DEBUG")


@dataclass(frozen=True, slots=True)
class Override:
    """One `COMMUNIQUE_SECTION__KEY=text`: the key of a section, set from outside the file."""

    variable: str
    section: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Environment:
    """What the process was given. The default is an empty environment, as tests want it.

    `unknown` are variables that begin like ours and mean nothing to us. `debug` shows tracebacks. `watchdog_us` is
    None unless systemd watches this very process. `journal_stream` says that stderr may be the journal.
    `runtime_directory` is systemd's own, outside the data directory.
    """

    config: Path | None = None
    data_dir: Path | None = None
    overrides: tuple[Override, ...] = ()
    unknown: tuple[str, ...] = ()
    debug: bool = False
    no_color: bool = False
    force_color: bool = False
    term: str | None = None
    pager: str | None = None
    notify_socket: str | None = None
    watchdog_us: int | None = None
    credentials_directory: Path | None = None
    journal_stream: str | None = None
    runtime_directory: Path | None = None
    invocation_id: str | None = None

    @classmethod
    def of_process(cls) -> Self:
        return cls.of(os.environ, pid=os.getpid())

    @classmethod
    def of(cls, variables: Mapping[str, str], *, pid: int = 0) -> Self:
        """Read `variables`; an empty value counts as not set, as no-color.org has it."""
        given = {name: text for name, text in variables.items() if text}
        ours = [name for name in sorted(given) if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in _OWN]
        return cls(
            config=_path(given.get("COMMUNIQUE_CONFIG")),
            data_dir=_path(given.get("COMMUNIQUE_DATA_DIR")),
            overrides=tuple(_override(name, given[name]) for name in ours if "__" in name),
            unknown=tuple(name for name in ours if "__" not in name),
            debug="COMMUNIQUE_DEBUG" in given,
            no_color="NO_COLOR" in given,
            force_color="FORCE_COLOR" in given,
            term=given.get("TERM"),
            pager=given.get("PAGER"),
            notify_socket=given.get("NOTIFY_SOCKET"),
            watchdog_us=_watchdog(given, pid),
            credentials_directory=_path(given.get("CREDENTIALS_DIRECTORY")),
            runtime_directory=_path(given.get("RUNTIME_DIRECTORY", "").partition(":")[0]),
            journal_stream=given.get("JOURNAL_STREAM"),
            invocation_id=given.get("INVOCATION_ID"),
        )


def keep_pydantic_alone() -> None:
    """Keep pydantic from looking for plug-ins of its own: it would read what every installed package offers."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def pager_variables() -> dict[str, str]:
    """The environment of a pager: our own, with options for `less` where the person has set none."""
    return {"LESS": "FRX", "LESSCHARSET": "utf-8", **os.environ}


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _override(variable: str, text: str) -> Override:
    section, _, key = variable.removeprefix(PREFIX).lower().partition("__")
    return Override(variable, section, key, text)


def _watchdog(given: Mapping[str, str], pid: int) -> int | None:
    """Read it as sd_watchdog_enabled(3) does: WATCHDOG_PID, where set, must name this process."""
    text, whose = given.get("WATCHDOG_USEC", ""), given.get("WATCHDOG_PID", "")
    if not text.isdecimal() or (whose and whose != str(pid)):
        return None
    return int(text) or None

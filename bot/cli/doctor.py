"""`communique doctor`: checks everything around the program, with a fix for what is wrong."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from bot.cli.sandbox import SANDBOX_FIX, describe_leaks
from bot.cli.terminal.output import Form, Session, Style, format_options, style, write_json, write_text
from bot.clock import DAY, HOUR, SECOND
from bot.documents.as_json import iso
from bot.documents.counts import format_count
from bot.errors import CommuniqueError, ConfigError, Never
from bot.foreign.text import one_line
from storage.frozen import dataclass
from storage.state_names import CONNECTED

if TYPE_CHECKING:
    from bot.config.model import Config
    from bot.http import Http
    from storage.archive.database import Archive
    from storage.media.rehash import Rehashed

Verdict = Literal["ok", "warn", "fail"]
_BELOW = 17  # where the lines of a finding continue
_COLOURS: dict[Verdict, Style] = {"ok": "green", "warn": "yellow", "fail": "red"}
INSTALL_APPRISE = "pip install 'communique[apprise]'"
INSTALL_PILLOW = "pip install 'communique[ocr]'"
_REBUILD = "communique doctor --rebuild-index"
_LITTLE_SPACE, _NO_SPACE = 1 << 30, 100 << 20
_SAMPLE = 300  # of raw bytes, and of files
_FROM_A_BACKUP = "check the disk, then take them from a backup: communique restore"
_FIRST_YEAR = 2025  # no build of this program is older


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `fix` says what to do, and is empty where nothing is wrong."""

    check: str
    verdict: Verdict
    text: str
    fix: str = ""


@click.command("doctor")
@click.option("--online", is_flag=True, help="Also fetch one page from the host of each source.")
@click.option("--all", "everything", is_flag=True, help="Compare all stored bytes with their hashes, not a sample.")
@click.option("--rebuild-index", "rebuild", is_flag=True, help="First build the full-text index again from the texts.")
@format_options(streams=False)
@click.pass_obj
def command(session: Session, online: bool, everything: bool, rebuild: bool, form: Form | None) -> None:
    """Check the clock, disk, database, files, config and engines; exit 1 if something is broken.

    Uses no network without --online.
    """
    found = []
    for finding in _check_all(session, online=online, everything=everything, rebuild=rebuild):
        found.append(finding)
        if form is None:
            verdict = style(session, f"{finding.verdict:<4}", _COLOURS[finding.verdict])
            fix = f"; {finding.fix}" if finding.fix else ""
            write_text(session, f"{verdict}  {finding.check:<9}  {one_line(finding.text + fix)}", indent=_BELOW)
    if form is not None:
        write_json(session, [asdict(finding) for finding in found])
    if any(finding.verdict == "fail" for finding in found):
        raise SystemExit(1)


def _check_all(session: Session, *, online: bool, everything: bool, rebuild: bool) -> Iterator[Finding]:
    yield check_python(sys.version_info[:3])
    yield from check_sqlite()
    findings, config = check_config(session)
    yield from findings
    try:
        directory = session.data_dir()
    except CommuniqueError:  # the config is not TOML, which is a finding already
        directory = None
    if directory is not None:
        yield check_data_directory(directory)
        yield check_disk(directory)
        if os.access(directory, os.R_OK | os.X_OK):
            yield check_lock(directory)
            yield from check_database(directory, rebuild=rebuild)
            yield from check_hashes(directory, everything=everything)
            yield from check_backups(directory, config, session.clock.now())
    yield check_clock(session.clock.now(), directory)
    yield check_extras()
    yield check_pictures()
    yield from check_plug_ins()
    if config is not None:
        yield from check_engines(config)
    if online and config is not None:
        yield from check_hosts(session, config)


def check_python(version: tuple[int, ...]) -> Finding:
    """Check the version of Python."""
    text = "Python " + ".".join(map(str, version))
    return Finding("python", "ok", text) if version >= (3, 11) else Finding("python", "fail", text, "3.11 is needed")


def check_sqlite() -> Iterator[Finding]:
    """Check the SQLite library and its full-text index."""
    from storage.archive import full_text
    from storage.archive.sqlite import has_wal_reset_bug, is_fallback, sqlite3

    text = f"SQLite {sqlite3.sqlite_version}{' (of the interpreter)' if is_fallback() else ''}"
    if has_wal_reset_bug():
        yield Finding("sqlite", "warn", f"{text} can lose rows when two programs write", "pip install pysqlite3")
    else:
        yield Finding("sqlite", "ok", text)
    if why := full_text.why_unsupported():
        yield Finding("search", "fail", f"this SQLite has no full-text index ({why})", "pip install pysqlite3")
    else:
        yield Finding("search", "ok", "full-text index FTS5 with our tokenizer")


def check_config(session: Session) -> "tuple[list[Finding], Config | None]":
    """Load the config, with every problem and warning; loading also checks each secret file."""
    try:
        config = session.config()
    except ConfigError as error:
        return [Finding("config", "fail", str(problem)) for problem in error.problems], None
    if config.path is None:
        return [Finding("config", "warn", "no config file", "communique init")], config
    found = [Finding("config", "ok", f"{config.path}: {config.counts()}; secret files are private")]
    return found + [Finding("config", "warn", warning) for warning in config.warnings], config


def check_data_directory(directory: Path) -> Finding:
    """Check who may read and write the data directory."""
    try:
        status = directory.stat()
    except FileNotFoundError:
        return Finding("data", "ok", f"{directory} will be created by the first run")
    except OSError as error:
        return Finding("data", "fail", f"{directory}: {error.strerror}", "choose another place with --data-dir")
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid():
        fix = f"chown -R {os.geteuid()} {directory}"
        return Finding("data", "fail", f"{directory} belongs to user {status.st_uid}", fix)
    if mode & stat.S_IWOTH:
        return Finding("data", "fail", f"anybody may write to {directory}", f"chmod 700 {directory}")
    if mode & 0o077:
        text = f"other users may enter {directory} (mode {mode:04o}); the next run makes it private"
        return Finding("data", "warn", text, f"chmod 700 {directory}")
    return Finding("data", "ok", f"{directory} is private")


def check_lock(directory: Path) -> Finding:
    """Report which process uses the data directory."""
    from bot.daemon.lock import holder

    pid = holder(directory)
    return Finding("lock", "ok", "no process is running" if pid is None else f"process {pid or '?'} is running")


def check_disk(directory: Path) -> Finding:
    """Check the free space for the data directory."""
    place = next(parent for parent in (directory, *directory.parents) if os.path.lexists(parent))
    free = shutil.disk_usage(place).free
    text = f"{free / (1 << 30):.1f} GiB free for {directory}"
    if free >= _LITTLE_SPACE:
        return Finding("disk", "ok", text)
    return Finding("disk", "fail" if free < _NO_SPACE else "warn", text, "free some space")


def check_database(directory: Path, *, rebuild: bool = False) -> Iterator[Finding]:
    """Check the schema, the pages and the full-text index of the archive; reads the whole file."""
    from bot.config.paths import database_in
    from bot.daemon.lock import holder
    from storage.archive import integrity, marker
    from storage.archive.database import Archive
    from storage.archive.errors import ArchiveError, ArchiveOutdated

    path = database_in(directory)
    try:
        odd = marker.trouble(path)
        if odd is not None and not odd.repeats:
            yield Finding("mark", "fail", odd.sentence, odd.advice)
        if not os.access(path, os.F_OK):  # unlike `exists`, no error where the directory lets nobody in
            if odd is None:
                yield Finding("database", "ok", f"{path} will be created by the first run")
            return
        with Archive(path) as archive:
            with archive.reading(fresh=True) as reader:
                faults = integrity.check_pages(reader) + integrity.check_references(reader)
            if faults:
                yield Finding("database", "fail", f"{path}: {'; '.join(faults)}", "restore a backup")
            else:
                yield Finding("database", "ok", f"{path} is sound and has the current schema")
            yield _check_index(archive, holder(directory), rebuild=rebuild)
            yield from _check_posts(archive)
            yield from _check_account(archive)
    except ArchiveOutdated as outdated:
        yield Finding("database", "fail" if rebuild else "warn", str(outdated))
    except ArchiveError as error:
        yield Finding("database", "fail", str(error))


def check_hashes(directory: Path, *, everything: bool) -> Iterator[Finding]:
    """Compare raw bytes and files, a sample or all of them, with the hashes that they were stored under."""
    from bot.config.paths import database_in
    from storage.archive import dictionaries
    from storage.archive.database import Archive
    from storage.archive.errors import ArchiveError, ArchiveForbidden, ArchiveFull, ArchiveMissing, ArchiveOutdated
    from storage.media.rehash import rehash_files, rehash_raw

    most = None if everything else _SAMPLE
    try:
        with Archive(database_in(directory)) as archive:
            with archive.reading() as reader:
                damaged = dictionaries.find_damaged(reader)
            if damaged:
                text = f"replies are packed by a damaged dictionary: {', '.join(map(str, damaged))}"
                yield Finding("raw", "fail", text, _FROM_A_BACKUP)
            yield _say_hashes("raw", "stored replies", rehash_raw(archive, most))
            yield _say_hashes("files", "stored files", rehash_files(archive, directory, most))
    except (ArchiveForbidden, ArchiveFull, ArchiveMissing, ArchiveOutdated):  # `check_database` has said it
        return
    except ArchiveError as error:
        yield Finding("raw", "fail", str(error), _FROM_A_BACKUP)


def _say_hashes(check: str, what: str, found: "Rehashed") -> Finding:
    if not found.damaged:
        return Finding(
            check, "ok", f"{found.compared:,} of {found.of:,} {what} compared with their hashes: all are whole"
        )
    more = f"; and {found.damaged - len(found.faults):,} more" if found.damaged > len(found.faults) else ""
    text = f"{found.damaged:,} of {found.compared:,} {what} damaged: {'; '.join(found.faults)}{more}"
    return Finding(check, "fail", text, _FROM_A_BACKUP)


def check_backups(directory: Path, config: "Config | None", now: int) -> Iterator[Finding]:
    """Look at the last backup: whether there is one, and whether it is as young as [backup] wants it."""
    from bot.config.paths import database_in
    from storage.archive.database import Archive
    from storage.archive.errors import ArchiveError
    from storage.backups import record

    try:
        with Archive(database_in(directory)) as archive, archive.reading() as reader:
            known = record.read(reader)
    except ArchiveError:  # `check_database` has said it, or there is nothing yet
        return
    every = config.backup.every if config is not None and config.backup.to is not None else None
    if known.failing_since is not None:
        yield Finding("backup", "fail", f"backups fail since {iso(known.failing_since)}: {known.reason}")
    elif known.last_at is None:
        yield Finding("backup", "ok" if every is None else "warn", "no backup was made yet", "communique backup DEST")
    else:
        late = every is not None and now - known.last_at > 2 * every
        made = f"from {iso(known.oldest_at)} to {iso(known.last_at)}, the last in {known.path}"
        if known.kept == 1:
            made = f"made at {iso(known.last_at)}, in {known.path}"
        text = f"{format_count(known.kept, 'backup')}, {made}"
        yield Finding("backup", "warn" if late else "ok", text, "look why `run` makes none" if late else "")


def _check_account(archive: "Archive") -> Iterator[Finding]:
    """Report the state of the Telegram account when it was last used, if there is one."""
    from storage.sources import telegram

    with archive.reading() as reader:
        rows = telegram.read_accounts(reader)
    for row in rows:
        fine = row.state == CONNECTED and not row.reason
        reason = f": {row.reason}" if row.reason else ""
        name = f" {row.account}" if row.account else ""
        yield Finding("telegram", "ok" if fine else "warn", f"the account{name}: {row.state}{reason}", row.remedy or "")


def _check_posts(archive: "Archive") -> Iterator[Finding]:
    """Name the posts that cannot be read, or not be found, because bytes of the archive have changed."""
    from storage.posts.damaged import find_problems

    with archive.reading() as reader:
        for text, is_index in find_problems(reader):
            yield Finding("posts", "fail", text, _REBUILD if is_index else _FROM_A_BACKUP)


def _check_index(archive: "Archive", running: int | None, *, rebuild: bool) -> Finding:
    """Compare the full-text index with the texts. One that process `running` kept from being rebuilt is a failure."""
    from storage.archive import full_text
    from storage.posts.damaged import rebuild_index

    if running is not None and rebuild:
        text = f"the full-text index was not built again: process {running} is running"
        return Finding("index", "fail", text, f"stop it first: kill {running}")
    if running is not None:
        return Finding("index", "ok", "not checked while a process is running")
    if rebuild:
        rebuild_index(archive)
    if full_text.agrees(archive):
        return Finding("index", "ok", f"the full-text index {'was built again and ' * rebuild}agrees with the texts")
    return Finding("index", "fail", "the full-text index does not agree with the texts", _REBUILD)


def check_clock(now: int, directory: Path | None) -> Finding:
    """Find a clock (`now`, microseconds UTC) that was never set, or that is behind our own files."""
    text = datetime.fromtimestamp(now / SECOND, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if datetime.fromtimestamp(now / SECOND, UTC).year < _FIRST_YEAR:
        return Finding(
            "clock", "fail", f"the clock is wrong: it says {text}", "set the clock: timedatectl set-ntp true"
        )
    files = [Path(__file__), *(directory.glob("communique.db*") if directory else ())]
    newest = max(int(file.stat().st_mtime * SECOND) for file in files)
    if newest > now + HOUR:
        behind = (newest - now) / (DAY if newest > now + DAY else HOUR)
        unit = "days" if newest > now + DAY else "hours"
        return Finding("clock", "warn", f"{text} is {behind:.0f} {unit} behind our own files", "check the system clock")
    return Finding("clock", "ok", text)


def check_extras() -> Finding:
    """Report which optional packages are installed; a config that needs a missing one is refused as a whole."""
    if find_spec("apprise"):
        return Finding("extras", "ok", "apprise is installed")
    return Finding("extras", "ok", "apprise (a hundred more kinds of target) is not installed", INSTALL_APPRISE)


def check_pictures() -> Finding:
    """Report how copies of pictures are found: by their bytes alone without Pillow."""
    if find_spec("PIL"):
        return Finding("pictures", "ok", "copies of a picture are found by what they look like")
    text = "a picture is found to be a copy only by equal bytes (SHA-256): Pillow is not installed"
    return Finding("pictures", "ok", text, INSTALL_PILLOW)


def check_plug_ins() -> Iterator[Finding]:
    """Name each package that adds a kind. Only those that the config names are loaded, and may turn out broken."""
    from bot.contracts.plug_ins import name_package
    from bot.listing.kinds import every_kind

    kinds = every_kind()
    for what, added in (("sources", kinds.sources.plug_ins), ("targets", kinds.targets.plug_ins)):
        if added is None:
            continue
        for entry in added.entries:
            text = f'{name_package(entry)}: kind "{entry.name}" of {what}'
            trouble = added.troubles.get(entry.name)
            if refusal := added.refusal(entry.name):
                yield Finding("plug-in", "fail", f"{text} is refused: {refusal}")
            else:
                yield Finding("plug-in", "fail" if trouble else "ok", trouble or text)


def check_engines(config: "Config") -> Iterator[Finding]:
    """Check the programs, packages and models of every engine, and the language data that sources need."""
    from bot.contracts.engine import EngineTools
    from bot.enrich import engines as enrich_engines
    from bot.enrich.sandbox.run import isolation_here

    if not config.engines and any(source.media for source in config.sources):
        text = "no engine configured: media is stored but not transcribed or read"
        yield Finding("engines", "ok", text, "communique models")
    elif config.engines:
        yield check_isolation(describe_leaks(isolation_here()))
    spoken = {code for source in config.sources if source.enabled for code in source.languages}
    for settings in config.engines:
        name = f"{settings.name} ({settings.kind})"
        try:
            enrich_engines.build(settings, EngineTools(Path("/nonexistent"))).ready()
        except Never as missing:
            yield Finding("engines", "fail", f"{name}: {missing.reason}", missing.remedy)
            continue
        packages = settings.missing_packages(spoken)
        if packages:
            text = f"{name}: language data is missing for some languages of your sources"
            yield Finding("engines", "warn", text, f"apt install {' '.join(packages)}")
        else:
            yield Finding("engines", "ok", f"{name} is ready")


def check_isolation(leaks: str | None) -> Finding:
    """Report what the sandbox of engines does not prevent."""
    if leaks is not None:
        return Finding("jobs", "warn", leaks, SANDBOX_FIX)
    text = "engines are sandboxed: no network, no leftover processes, no files but their own"
    return Finding("jobs", "ok", text)


def check_hosts(session: Session, config: "Config") -> Iterator[Finding]:
    """Fetch one page from each source's host as `run` would: same proxy, address rules and rate limits."""
    import asyncio

    from bot.http import Http

    async def ask(urls: list[str]) -> list[Finding]:
        http = Http(config.http_rules(), session.clock)
        try:
            return [await _check_host(http, url) for url in urls]
        finally:
            await http.aclose()

    urls = dict.fromkeys(url for source in config.sources if source.enabled for url in source.addresses())
    yield from asyncio.run(ask(list(urls)))


async def _check_host(http: "Http", url: str) -> Finding:
    from bot.config.origin import masked

    shown = masked(("sources",), url)
    try:
        reply = await http.get(url, cap=8 << 20, deadline=20)
    except CommuniqueError as error:
        return Finding("online", "fail", f"{shown}: {error}")
    return Finding("online", "ok" if reply.status < 400 else "fail", f"{shown} answers {reply.status}")

"""`communique backup`: a proved copy of the archive, its files and the config, while the daemon runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.terminal.output import Form, Session, format_options, say, write_json, write_line
from bot.documents.as_json import iso
from bot.documents.counts import format_count, format_size
from bot.errors import CommuniqueError, ConfigError, UserError
from bot.foreign.text import visible

if TYPE_CHECKING:
    from bot.config import Config
    from storage.archive.database import Archive
    from storage.backups.keeping import Keep
    from storage.backups.making import Brought, Made


@click.command("backup")
@click.argument("destination", metavar="[DEST]", required=False, type=click.Path(path_type=Path))
@format_options(streams=False)
@click.pass_obj
def command(session: Session, destination: Path | None, form: Form | None) -> None:
    """Back everything up into a new directory in DEST: the archive, the files that are new, the config.

    DEST is a directory that keeps many backups; without it, `to` of [backup] counts. The copy of the archive is
    checked before it counts as a backup. Secrets and the session of Telegram are never in it. Backups are only removed
    in the directory that [backup] names, by its `keep`.

    \b
    communique backup /mnt/backup
    communique restore /mnt/backup /srv/communique-data
    """  # noqa: D301  click reads the backspace
    from storage.archive import marker
    from storage.archive.errors import ArchiveRefused
    from storage.backups import making

    config = _config(session)
    to = destination or (config.backup.to if config else None)
    if to is None:
        raise UserError("say where to: `communique backup DEST`, or write `to` in [backup] of the config")
    began = session.clock.monotonic()
    with session.archive() as archive:
        marker.check(archive.path)  # else the wrong archive would push good backups out
        try:
            making.refuse_place(to, session.data_dir())
        except ArchiveRefused as refused:
            raise UserError(str(refused)) from None
        made = making.make(
            session.data_dir(),
            archive.path,
            to.absolute(),
            now=session.clock.now,
            brought=_brought(session),
            keep=_keep(config, to),
        )
        _remember(session, archive, made)
    seconds = session.clock.monotonic() - began
    if form is None:
        _tell(session, made, seconds)
    else:
        write_json(session, document(made, seconds))
    if made.backup.manifest.missing:
        raise SystemExit(1)


def _config(session: Session) -> "Config | None":
    """The config, None where it has mistakes: the archive is backed up all the same."""
    try:
        return session.config()
    except ConfigError as error:
        say(session, f"the config has mistakes and goes along as it is: {error.problems[0]}")
        return None


def _keep(config: "Config | None", to: Path) -> "Keep | None":
    from storage.backups.keeping import keep

    if config is None or config.backup.to is None or config.backup.to.resolve() != to.resolve():
        return None
    return keep(config.backup.keep)


def _brought(session: Session) -> "Brought":
    """The config file as it is, and the files that it names: they hold secrets and stay here."""
    from bot.config import paths
    from bot.config.document import parse
    from storage.backups.catalog import SecretName
    from storage.backups.making import Brought

    path = paths.find_config(session.config_flag, session.environment)
    if path is None:
        return Brought()
    try:
        data = path.read_bytes()
        found = parse(data, name=str(path), path=path, directory=path.parent).data
    except OSError as problem:
        say(session, f"the config is not in this backup: {path}: {problem.strerror}")
        return Brought()
    except CommuniqueError:
        return Brought(data)
    return Brought(data, tuple(SecretName(key, named) for key, named in named_files(found)))


def named_files(part: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every file that a config names by a key that ends in `_file`: the key, and the path as it is written."""
    if isinstance(part, Mapping):
        for name, inner in part.items():
            where = f"{key}.{name}" if key else str(name)
            if isinstance(inner, str) and str(name).endswith("_file"):
                yield where, inner
            else:
                yield from named_files(inner, where)
    elif isinstance(part, list):
        for index, inner in enumerate(part):
            yield from named_files(inner, f"{key}[{index}]")


def _remember(session: Session, archive: "Archive", made: "Made") -> None:
    from storage.archive.errors import ArchiveError
    from storage.backups import catalog, record

    path = made.backup.path
    rows = catalog.backups_in(path.parent)
    try:
        with archive.writing() as writer:
            record.note_success(
                writer, made.backup.manifest.at, str(path), kept=len(rows), oldest_at=rows[0].manifest.at
            )
    except ArchiveError as problem:
        say(session, f"the backup is made, but `status` does not know of it: {problem}")


def document(made: "Made", seconds: float) -> dict[str, object]:
    """One backup as JSON."""
    manifest = made.backup.manifest
    return {
        "path": str(made.backup.path),
        "at": iso(manifest.at),
        "posts": manifest.counts.posts,
        "revisions": manifest.counts.revisions,
        "files": manifest.counts.files,
        "file_bytes": manifest.counts.file_bytes,
        "database_bytes": manifest.database_bytes,
        "new_files": made.new_files,
        "new_bytes": made.new_bytes,
        "missing": list(manifest.missing),
        "removed": list(made.removed),
        "seconds": round(seconds, 3),
    }


def _tell(session: Session, made: "Made", seconds: float) -> None:
    manifest = made.backup.manifest
    files = f"{format_count(manifest.counts.files, 'file')} ({made.new_files} new, {format_size(made.new_bytes)})"
    write_line(session, visible(str(made.backup.path)))
    write_line(
        session,
        f"{format_count(manifest.counts.posts, 'post')}, {files}, database {format_size(manifest.database_bytes)}; "
        f"as of {iso(manifest.at)}, proved, in {seconds:.1f} s",
    )
    if made.removed:
        say(session, f"removed by `keep`: {', '.join(made.removed)}")
    for content in manifest.missing[:10]:
        say(
            session,
            f"not in the backup, because it is missing or damaged here: media/{content[:2]}/{content[2:4]}/{content}",
        )
    if len(manifest.missing) > 10:
        say(session, f"and {len(manifest.missing) - 10} more files")

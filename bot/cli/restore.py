"""`communique restore`: brings a backup back into an empty directory, and says what is not in it."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.terminal.output import Form, Session, format_options, say, write_json, write_line
from bot.documents.as_json import iso
from bot.documents.counts import format_count
from bot.errors import UserError
from bot.foreign.text import visible

if TYPE_CHECKING:
    from storage.backups.catalog import SecretName
    from storage.backups.restoring import Restored


@click.command("restore")
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@format_options(streams=False)
@click.pass_obj
def command(session: Session, source: Path, directory: Path, form: Form | None) -> None:
    """Bring a backup back into the empty directory DIR, which then is a data directory.

    SRC is one backup, or a directory of backups, of which the newest counts. Every byte is checked on its way. A
    restore that was killed is continued by the same command.

    \b
    communique restore /mnt/backup /srv/communique-data
    communique restore /mnt/backup/20261129T180600Z /srv/communique-data
    """  # noqa: D301  click reads the backspace
    from bot.config import paths
    from storage.backups import restoring

    try:
        restored = restoring.restore(source, directory.absolute(), paths.database_in(directory.absolute()))
    except restoring.WrongPlace as refused:
        raise UserError(str(refused)) from None
    if form is None:
        _tell(session, restored, directory.absolute())
    else:
        write_json(session, document(restored, directory.absolute()))
    if restored.missing or restored.config_damaged or restored.people_damaged:
        raise SystemExit(1)


def document(restored: "Restored", directory: Path) -> dict[str, object]:
    """What was brought back, as JSON."""
    manifest = restored.backup.manifest
    return {
        "backup": str(restored.backup.path),
        "path": str(directory),
        "at": iso(manifest.at),
        "posts": manifest.counts.posts,
        "revisions": manifest.counts.revisions,
        "files": restored.files,
        "missing": list(restored.missing),
        "config": None if restored.config is None else str(restored.config),
        "people": None if restored.people is None else str(restored.people),
        "secrets": [
            {"key": secret.key, "path": str(directory / secret.path)} for secret in _to_bring(restored, directory)
        ],
        "newer": list(restored.newer),
        "next_steps": [_next(restored, directory)],
    }


def _tell(session: Session, restored: "Restored", directory: Path) -> None:
    manifest = restored.backup.manifest
    write_line(session, visible(f"restored {restored.backup.path} to {directory}"))
    held = f"{format_count(manifest.counts.posts, 'post')} and {format_count(restored.files, 'file')}"
    write_line(session, f"{held}, as of {iso(manifest.at)}; database and files are proved")
    write_line(session, f"what came after {iso(manifest.at)} is not in it: the sources are asked again from there,")
    write_line(session, "and what was alerted after that time may be alerted again")
    for name in restored.newer[-1:]:
        write_line(session, f"newer: {format_count(len(restored.newer), 'backup')} beside it; the newest is {name}")
    if restored.config_damaged:
        say(session, "the config in the backup is missing or damaged: it is not restored")
    if restored.people_damaged:
        say(session, "the people in the backup are missing or damaged: `communique people add` lets them in again")
    for content in restored.missing[:10]:
        say(
            session,
            f"not restored, because the backup does not have it whole: media/{content[:2]}/{content[2:4]}/{content}",
        )
    if len(restored.missing) > 10:
        say(session, f"and {len(restored.missing) - 10} more files")
    for secret in _to_bring(restored, directory):
        write_line(session, visible(f"bring this file yourself: {directory / secret.path} ({secret.key})"))
    if any(secret.key.startswith("telegram.") for secret in manifest.secrets):
        write_line(session, "the session of Telegram is never in a backup: `communique login` signs in again")
    write_line(session, visible(f"next: {_next(restored, directory)}"))


def _to_bring(restored: "Restored", directory: Path) -> list["SecretName"]:
    """Files that the config names and that are not where it looks for them."""
    if restored.config is None:
        return []
    return [
        secret
        for secret in restored.backup.manifest.secrets
        if not (directory / Path(secret.path).expanduser()).is_file()
    ]


def _next(restored: "Restored", directory: Path) -> str:
    config = "" if restored.config is None else f"--config {shlex.quote(str(restored.config))} "
    return f"communique {config}--data-dir {shlex.quote(str(directory))} run"

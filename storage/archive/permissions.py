"""Keeps the archive's directory and files private, and refuses places where SQLite cannot keep its promises."""

import os
import stat
from pathlib import Path

from storage.archive.errors import ArchiveRefused

# file locks do not hold there: a database is corrupted by the second process, or by the first reconnect
_NETWORK = {"9p", "afs", "cifs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "nfs", "nfs4"} | {
    "smb3",
    "smbfs",
    "vboxsf",
}


def make_private(directory: Path) -> str | None:
    """Make the data directory ours alone: create it with mode 0700, or tighten the one that is there.

    The sentence that says so is returned where it was open to others. A directory that anybody may write to, or that
    belongs to another user, raises ArchiveRefused.
    """
    if not create_or_check(directory):
        mode = stat.S_IMODE(directory.stat().st_mode)
        if mode & 0o077:
            directory.chmod(mode & 0o700)
            return f"{directory} was open to others (mode {mode:04o}) and is now private (0700)"
    return None


def create_or_check(directory: Path) -> bool:
    """Create a directory with mode 0700: True; or refuse one that is unfit, and leave a fit one alone: False."""
    try:
        directory.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        _check(directory)
        return False
    except OSError as problem:
        raise ArchiveRefused(f"cannot create {directory}: {problem.strerror}", directory) from problem
    directory.chmod(0o700)  # an odd umask must not win
    return True


def _check(directory: Path) -> None:
    if not directory.is_dir():
        raise ArchiveRefused(f"{directory} is not a directory: choose another place", directory)
    found = directory.stat()
    if found.st_uid != os.geteuid():
        raise ArchiveRefused(f"{directory} belongs to another user: chown it, or choose another directory", directory)
    if found.st_mode & stat.S_IWOTH:
        raise ArchiveRefused(f"anybody may write to {directory}: chmod 700 it, or choose another directory", directory)


def create_private(path: Path) -> None:
    """Create an empty file with mode 0600; leave one that exists alone, but for its mode.

    An existing file is never opened: closing any descriptor of a database drops the locks that this process holds
    on it (https://www.sqlite.org/howtocorrupt.html, "posix advisory locks canceled").
    """
    if path.exists():
        tighten_file(path)
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return  # another process was faster
    except OSError as problem:
        raise ArchiveRefused(f"cannot create {path}: {problem.strerror}", path) from problem


def tighten_file(path: Path) -> None:
    """Take group and others off an existing file; SQLite gives -wal and -shm the mode of the database."""
    for part in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            if part.stat().st_mode & 0o077:
                part.chmod(0o600)
        except FileNotFoundError:
            continue
        except PermissionError as problem:
            raise ArchiveRefused(f"{part} belongs to another user: chown it or choose another place", part) from problem


def refuse_network(directory: Path) -> None:
    """Raise ArchiveRefused if the directory is on a network file system (asked of /proc, so only on Linux)."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = filesystem_of(directory.resolve(), mounts)
    if kind in _NETWORK:
        raise ArchiveRefused(
            f"{directory} is on a network file system ({kind}), where SQLite loses data: choose a local disk", directory
        )


def filesystem_of(path: Path, mountinfo: str) -> str:
    """The type of the mounted file system that `path` is on, from the text of /proc/self/mountinfo; "" if none."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        columns = fields.split()
        if len(columns) < 5 or not rest:
            continue
        mounted = columns[4].encode("utf-8", "surrogateescape").decode("unicode_escape")  # spaces are written \040
        if len(mounted) >= best and (path == Path(mounted) or Path(mounted) in path.parents):
            best, kind = len(mounted), rest.split()[0]
    return kind

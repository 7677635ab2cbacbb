"""Whether a daemon uses a data directory, as other processes see it."""

from pathlib import Path

from bot.daemon.judging import DaemonState


def find_daemon(data_dir: Path) -> DaemonState:
    """Read from the lock which process uses the data directory."""
    from bot.daemon.lock import held_since, holder

    try:
        pid = holder(data_dir)
        since = None if pid is None else held_since(data_dir)
    except OSError:
        return DaemonState(None, None)
    return DaemonState(pid is not None, pid or None, since)

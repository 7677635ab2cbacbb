"""The program `communique`: runs one command and turns every way it can end into an exit code and one sentence."""

import os
import sys
from collections.abc import Sequence

import click

from bot.cli import ReaderGone, root
from bot.config.environment import Environment
from bot.errors import CommuniqueError
from bot.foreign.text import visible

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line and leave the process with its exit code (the table stands in `--help`)."""
    _speak_utf8()
    code = _outcome(sys.argv[1:] if arguments is None else list(arguments))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    sys.exit(code)


def _outcome(arguments: list[str]) -> int:
    try:
        return root.main(arguments, prog_name="communique", standalone_mode=False) or 0
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except click.UsageError as wrong:
        whole_help = isinstance(wrong, click.exceptions.NoArgsIsHelpError)
        usage = (
            "" if wrong.ctx is None or whole_help else f"{wrong.ctx.get_usage()}\nTry `{wrong.ctx.command_path} -h`.\n"
        )
        _tell(f"{usage}{wrong.format_message()}")
        return wrong.exit_code
    except click.ClickException as failed:
        _tell(failed.format_message())
        return failed.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except CommuniqueError as failed:
        _tell(str(failed))
        return failed.exit_code
    except ReaderGone:
        _forget_stdout()
        return 0
    except Exception as unexpected:
        from storage.archive.errors import ArchiveError

        if Environment.of_process().debug:
            raise
        if isinstance(unexpected, ArchiveError):
            _tell(str(unexpected))
            return 1
        _tell(
            f"communique failed unexpectedly ({type(unexpected).__name__}: {unexpected});"
            " set COMMUNIQUE_DEBUG=1 to see where, and please report it"
        )
        return 1


def _tell(text: str) -> None:
    sys.stderr.write(f"{visible(text, newlines=True)}\n")


def _speak_utf8() -> None:
    """Write data as UTF-8 whatever the locale says; a terminal that cannot show a letter shows its number."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _forget_stdout() -> None:
    """Send what is still buffered nowhere, without a word at exit: the reader has gone (`| head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

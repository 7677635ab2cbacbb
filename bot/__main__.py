"""The program `communique`: runs one command; however that ends, there is an exit code and one sentence."""

import gc
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

_INTERRUPTED = 130

try:
    import click

    from bot.cli import ReaderGone, root
    from bot.config.environment import Environment, keep_pydantic_alone
    from bot.errors import CommuniqueError
    from bot.foreign.text import visible
except KeyboardInterrupt:  # Ctrl-C as early as this
    sys.exit(_INTERRUPTED)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line and leave the process with its exit code (`--help` lists them)."""
    if arguments is None:
        keep_pydantic_alone()
        _replace_closed_streams()
        _let_stderr_fail()
        gc.set_threshold(200_000, 20, 100)  # what a start makes stays; looking for rubbish in it costs a fifth
    _use_utf8()
    code = _run(sys.argv[1:] if arguments is None else list(arguments))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
    except OSError as problem:
        refused = _refuse_output(problem)
        code = code or refused
    if arguments is None:
        gc.freeze()  # the memory is given back as a whole: nothing has to be taken apart before
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    try:
        return root.main(arguments, prog_name="communique", standalone_mode=False) or 0
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except click.UsageError as wrong:
        whole_help = isinstance(wrong, click.exceptions.NoArgsIsHelpError)
        usage = (
            "" if wrong.ctx is None or whole_help else f"{wrong.ctx.get_usage()}\nTry `{wrong.ctx.command_path} -h`.\n"
        )
        _print_error(f"{usage}{wrong.format_message()}")
        return wrong.exit_code
    except click.ClickException as failed:
        _print_error(failed.format_message())
        return failed.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except CommuniqueError as failed:
        _print_error(str(failed))
        return failed.exit_code
    except ReaderGone:
        _discard_stdout()
        return 0
    except Exception as unexpected:
        from storage.archive.errors import ArchiveError

        if Environment.of_process().debug:
            raise
        if isinstance(unexpected, ArchiveError):
            _print_error(str(unexpected))
            return 1
        if isinstance(unexpected, OSError) and unexpected.filename is None and _is_stdout_broken():
            return _refuse_output(unexpected)
        _print_error(
            f"communique failed unexpectedly ({type(unexpected).__name__}: {unexpected});"
            " set COMMUNIQUE_DEBUG=1 to see where, and please report it"
        )
        return 1


def _refuse_output(problem: OSError) -> int:
    """Say why stdout takes no more bytes; what is still buffered is dropped, so that it fails only once."""
    _discard_stdout()
    _print_error(f"cannot write the output: {problem.strerror or problem}")
    return 1


def _is_stdout_broken() -> bool:
    """Whether stdout takes no more bytes, not even the end of a line."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _print_error(text: str) -> None:
    sys.stderr.write(f"{visible(text, newlines=True)}\n")


def _replace_closed_streams() -> None:
    """Open what the process was started without (`>&-`), so that no other file gets the number of such a stream."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            stream = os.fdopen(descriptor, "r" if name == "stdin" else "w", encoding="utf-8")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)  # as long as somebody has it, it stays open


class _Talk(io.FileIO):
    """Drops what cannot be written: a full disk under a log, or a reader that has gone, takes no answer away."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _let_stderr_fail() -> None:
    """Have what cannot be said change neither the answer nor the exit code."""
    talk = io.BufferedWriter(_Talk(sys.stderr.fileno(), "w", closefd=False))
    sys.stderr = io.TextIOWrapper(talk, encoding=sys.stderr.encoding, errors="backslashreplace", line_buffering=True)


def _use_utf8() -> None:
    """Write data as UTF-8 whatever the locale says; a terminal that cannot show a letter shows its number."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _discard_stdout() -> None:
    """Drop what is still buffered, without an error at exit: the reader has gone (`| head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

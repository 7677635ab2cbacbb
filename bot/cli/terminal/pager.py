"""A pager for what is longer than the screen: `less` or $PAGER, on a terminal only."""

import functools
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, cast

import click

from bot.cli.terminal.output import Session
from bot.config.environment import pager_variables

if TYPE_CHECKING:
    import subprocess

_Command = TypeVar("_Command", bound=Callable[..., Any])


def pager_option(command: _Command) -> _Command:
    """Give the command `--no-pager`; without it, what is longer than the screen of a terminal goes through a pager."""

    @click.option("--no-pager", is_flag=True, help="Print everything at once, also what is longer than the screen.")
    @functools.wraps(command)
    def run(*arguments: Any, no_pager: bool, **options: Any) -> Any:
        ctx = click.get_current_context()
        session: Session = ctx.obj
        words = None if no_pager or not session.pages or not session.on_terminal else find_pager(session)
        if words is None:
            return command(*arguments, **options)
        with paged(session, words) as ctx.obj:
            return command(*arguments, **options)

    return run  # type: ignore[return-value]  # as click's own decorators do


def find_pager(session: Session) -> list[str] | None:
    """The program and its arguments: $PAGER, else `less`; None where there is none, or where it is `cat`."""
    import shlex
    from shutil import which

    if session.environment.term == "dumb":
        return None
    try:
        words = shlex.split(session.environment.pager or "less")
    except ValueError:
        return None
    return words if words and words[0] != "cat" and which(words[0]) else None


@contextmanager
def paged(session: Session, words: list[str]) -> Iterator[Session]:
    """A session whose output goes through a pager once it is longer than the screen; what it says comes after that."""
    out, said = Screen(session.out, words), io.StringIO()
    try:
        yield replace(session, out=cast("TextIO", out), err=said)
    except BrokenPipeError:
        if not out.left:
            raise
    finally:
        out.end()
        session.err.write(said.getvalue())
        session.err.flush()


class Screen(io.TextIOBase):
    """Holds back what is written until it is longer than the screen; from then on a pager gets it."""

    def __init__(self, terminal: TextIO, words: list[str]) -> None:
        super().__init__()
        from shutil import get_terminal_size

        self.left = False  # whether the person has left the pager
        self._terminal, self._words = terminal, words
        self._size = get_terminal_size((80, 24))
        self._held: list[str] = []
        self._lines = 0
        self._pager: subprocess.Popen[str] | None = None

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._pager is None:
            from bot.cli.terminal.width import text_width

            self._held.append(text)
            self._lines += sum(1 + max(text_width(row) - 1, 0) // self._size.columns for row in text.split("\n")) - 1
            if self._lines >= self._size.lines:
                self._start()
        else:
            self._send(text)
        return len(text)

    def _start(self) -> None:
        import subprocess

        self._terminal.flush()
        self._pager = subprocess.Popen(  # noqa: S603  the person's own choice
            self._words, stdin=subprocess.PIPE, encoding="utf-8", errors="backslashreplace", env=pager_variables()
        )
        self._send("".join(self._held))

    def _send(self, text: str) -> None:
        assert self._pager is not None
        assert self._pager.stdin is not None
        try:
            self._pager.stdin.write(text)
        except BrokenPipeError:
            self.left = True
            raise

    def end(self) -> None:
        """Show what was held back, or wait until the person leaves the pager."""
        if self._pager is None:
            self._terminal.write("".join(self._held))
            self._terminal.flush()
            return
        assert self._pager.stdin is not None
        import signal

        ctrl_c = signal.signal(signal.SIGINT, signal.SIG_IGN)  # in a pager it belongs to the pager
        try:
            with suppress(BrokenPipeError):
                self._pager.stdin.close()
            self._pager.wait()
        finally:
            signal.signal(signal.SIGINT, ctrl_c)

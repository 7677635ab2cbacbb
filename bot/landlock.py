"""Landlock (Linux 5.13): lets this process, and all that it starts, use the files that it is given and no others.

Since Linux 6.7 it also keeps TCP connections to one port.
"""

import ctypes
import os
import struct
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from stat import S_ISDIR

# landlock.h, prctl.h
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_NO_NEW_PRIVILEGES = 38
_EXECUTE, _WRITE, _READ, _LIST = 1, 1 << 1, 1 << 2, 1 << 3
_CHANGE = sum(1 << bit for bit in range(4, 13))  # remove and make files of every kind
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE
_RUN = _EXECUTE | _READ | _LIST
_BIND, _CONNECT = 1, 2
_KNOWS_TCP = 4  # the version of Landlock
_FILE_RULE, _PORT_RULE = 1, 2


def confine(
    *, read: Iterable[Path] = (), use: Iterable[Path] = (), own: Iterable[Path] = (), port: int | None = None
) -> bool:
    """Give up every file but these, for good; False if the kernel cannot do that.

    What is in `read` can be read and run, what is in `use` can also be written to (devices), and in the folders `own`
    everything is allowed. A folder means all that is below it; a path that does not exist is left out. With `port`, TCP
    connections lead to that port alone, where the kernel knows this.
    """
    version = libc("syscall", _CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    everything = _RUN | _WRITE | _CHANGE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    keeps_tcp = port is not None and version >= _KNOWS_TCP
    handled = struct.pack("@QQ", everything, _BIND | _CONNECT) if keeps_tcp else struct.pack("@Q", everything)
    rules = libc("syscall", _CREATE_RULESET, ctypes.c_char_p(handled), len(handled), 0)
    if rules < 0:
        return False
    try:
        given = ((read, _RUN), (use, _RUN | _WRITE | _TRUNCATE), (own, everything))
        if not all(_allow(rules, path, rights & everything) for paths, rights in given for path in paths):
            return False
        if keeps_tcp and not _allow_port(rules, port):
            return False
        libc("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return libc("syscall", _RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def _allow_port(rules: int, port: int | None) -> bool:
    rule = struct.pack("@QQ", _CONNECT, port)
    return libc("syscall", _ADD_RULE, rules, _PORT_RULE, ctypes.c_char_p(rule), 0) == 0


def _allow(rules: int, path: Path, rights: int) -> bool:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return True  # nothing there that could be used
    try:
        if not S_ISDIR(os.fstat(opened).st_mode):
            rights &= _OF_A_FILE
        rule = struct.pack("=Qi", rights, opened)
        return libc("syscall", _ADD_RULE, rules, _FILE_RULE, ctypes.c_char_p(rule), 0) == 0
    finally:
        os.close(opened)


def leave_out(tree: Path, hidden: Collection[Path]) -> Iterator[Path]:
    """The parts of a tree that hold nothing hidden; Landlock can only allow. Paths must be resolved."""
    if any(tree.is_relative_to(path) for path in hidden):
        return
    if not any(path.is_relative_to(tree) for path in hidden):
        yield tree
        return
    try:
        parts = sorted(tree.iterdir())
    except OSError:
        return
    for part in parts:
        if not part.is_symlink():
            yield from leave_out(part, hidden)


def libc(name: str, *arguments: object) -> int:
    """Call a function of the C library; -1 if it fails or does not exist here."""
    wide = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    try:
        return int(getattr(ctypes.CDLL(None), name)(*wide))
    except (OSError, AttributeError):
        return -1

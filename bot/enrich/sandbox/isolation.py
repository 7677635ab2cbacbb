"""Isolates the process of a job: no network, no process that outlives it, no file but what the job needs.

Three features of Linux that need no privilege and apply to everything that the process starts. Namespaces: no network
interface, and a process 1 whose end is the end of all. Seccomp, a filter of system calls: no socket, no new process
group. Landlock: nothing is written outside one folder, and little is read. Some containers and hardened units refuse
namespaces; the filter then does their part. `communique doctor` says what is left open.
"""

import ctypes
import os
import platform
import signal
import struct
from collections.abc import Iterable
from contextlib import suppress
from errno import EACCES, ENOSYS, EPERM
from pathlib import Path

from bot.landlock import confine, libc
from bot.system_files import devices
from storage.frozen import dataclass

# prctl.h, sched.h
_PDEATHSIG, _NO_NEW_PRIVILEGES, _SECCOMP = 1, 38, 22
_NEWNET, _NEWUSER, _NEWPID = 0x40000000, 0x10000000, 0x20000000
_SIGNALLED = 128
# seccomp.h, audit.h, bpf_common.h
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _MACHINE = 0, 4  # offsets in seccomp_data
_X32 = 0x40000000
_IO_URING_SETUP = 425  # io_uring can make sockets, too


@dataclass(frozen=True, slots=True)
class _Calls:
    """The numbers of system calls on one kind of machine."""

    machine: int
    socket: int
    setpgid: int
    setsid: int


_CALLS = {
    "x86_64": _Calls(0xC000003E, 41, 109, 112),
    "aarch64": _Calls(0xC00000B7, 198, 154, 157),
    "riscv64": _Calls(0xC00000F3, 198, 154, 157),
}


@dataclass(frozen=True, slots=True)
class Isolation:
    """What a job cannot do: reach the network, leave a process behind, read or write files that are not its own."""

    network: bool
    processes: bool
    files: bool


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends."""
    libc("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter_namespaces(*, network: bool) -> bool:
    """Continue in a new process in namespaces of its own, without network unless `network`; False if refused.

    The process that calls this only waits from then on, for another that is process 1 in there and waits as well: when
    either ends, everything in there ends.
    """
    user, group = os.geteuid(), os.getegid()
    if libc("unshare", _NEWUSER | _NEWPID | (0 if network else _NEWNET)) != 0:
        return False
    with suppress(OSError):
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    first = os.fork()
    if first:
        code = _wait(first)
        if code > _SIGNALLED:
            signal.signal(code - _SIGNALLED, signal.SIG_DFL) if code - _SIGNALLED != signal.SIGKILL else None
            os.kill(os.getpid(), code - _SIGNALLED)
        os._exit(code)
    die_with_parent()
    second = os.fork()
    if second:
        os._exit(_wait(second))
    die_with_parent()
    return True


def restrict(folder: Path, read: Iterable[Path], *, network: bool, namespaces: bool) -> Isolation:
    """Apply what does not need namespaces, and more of it without `namespaces`.

    Only `folder` stays writable; besides it, only what is in `read` can be read.
    """
    libc("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    files = confine(read=read, use=devices(), own=(folder,))
    filtered = _filter_calls(network=network, groups=namespaces)
    kept = namespaces or filtered
    return Isolation(network=not network and kept, processes=kept, files=files)


def _wait(child: int) -> int:
    """The exit code of the child, or 128 plus the signal that ended it; other children are only reaped."""
    os.close(0)
    while True:
        found, status = os.wait()
        if found == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _SIGNALLED - code


def _filter_calls(*, network: bool, groups: bool) -> bool:
    """Refuse sockets unless `network`, and new process groups and sessions unless `groups`, for good.

    A program with the calls of another machine (32 bit) is killed at once. The format is that of linux/filter.h.
    """
    calls = _CALLS.get(platform.machine())
    if calls is None:
        return False
    refused = [] if network else [(calls.socket, EACCES), (_IO_URING_SETUP, ENOSYS)]
    refused += [] if groups else [(calls.setpgid, EPERM), (calls.setsid, EPERM)]
    if not refused:
        return True
    steps = [(_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, calls.machine), (_RETURN, 0, 0, _KILL)]
    steps += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _REFUSE | ENOSYS)]
    for number, why in refused:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | why)]
    steps += [(_RETURN, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(steps), ctypes.addressof(held))
    return libc("prctl", _SECCOMP, 2, ctypes.c_char_p(program), 0, 0) == 0

"""Why a file that a person named cannot be written, in one sentence that says what helps."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import CommuniqueError, UserError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HELP = {
    errno.EACCES: "; choose a place where you may write",
    errno.EPERM: "; choose a place where you may write",
    errno.EROFS: "; choose another place",
    errno.ENOTDIR: "; choose another name",
    errno.EISDIR: "; choose another name",
    errno.ENAMETOOLONG: "; choose a shorter name",
}


@contextmanager
def naming_what_helps(place: object) -> Iterator[None]:
    """Raises UserError where another place would help, CommuniqueError for a disk that is full or broken.

    A file that exists is left to the caller.
    """
    try:
        yield
    except FileExistsError:
        raise
    except OSError as problem:
        if problem.errno in _NO_ROOM:
            raise CommuniqueError(f"no space left for {place}: free some space; nothing was written there") from None
        helps = _HELP.get(problem.errno or 0)
        kind = CommuniqueError if helps is None else UserError
        raise kind(f"cannot write {place}: {(problem.strerror or str(problem)).lower()}{helps or ''}") from None

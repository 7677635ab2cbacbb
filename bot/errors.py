"""What can go wrong, by who must act.

    CommuniqueError                exit 1
    ├── UserError                  exit 2   your mistake: one sentence, the place, the fix
    │   ├── NotFound           exit 3   the post or alert that was named does not exist
    │   ├── ConfigError            exit 4   every problem of the file at once
    │   └── AlreadyRunning         exit 75  another process holds the data directory
    ├── Later                      exit 1   the outside failed; it is tried again at a known time
    └── Never                      exit 5   the outside refused; a person must do something first

Every failure of a source, target or engine becomes Later or Never at the edge where it is first seen.
"""

from storage.frozen import dataclass


class CommuniqueError(Exception):
    """Anything we raise on purpose; its text is one sentence that a user may read."""

    exit_code = 1


class UserError(CommuniqueError):
    """The user's mistake: wrong usage, a name that does not exist, a query that cannot be read.

    `about` names what of several things that were given is wrong, where one is.
    """

    exit_code = 2

    def __init__(self, sentence: str, *, about: str | None = None) -> None:
        super().__init__(sentence)
        self.about = about


class NotFound(UserError):
    """What the user named does not exist, such as a post or an alert; the sentence says how to find what does."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the config: where it is and what would be right.

    `line` and `column` count from 1; 0 means that it has no place in the file (a missing key, an option).
    """

    where: str
    message: str
    path: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        if place and not (self.line or self.where):
            return f"{place}: {self.message}"
        return " ".join(part for part in (place, f"{self.where}:" if self.where else "", self.message) if part)


class ConfigError(UserError):
    """The configuration cannot be used; carries every problem that was found, not only the first."""

    exit_code = 4

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class AlreadyRunning(UserError):
    """Another process holds the data directory; the sentence names its pid."""

    exit_code = 75


class Later(CommuniqueError):
    """An outside failure that time may heal.

    `retry_at` is in microseconds UTC, or None where the caller's back-off decides. `state` names what the user sees
    in `status` and `sources list` (`storage.state_names`). `obey` means that the other side set the time: `run --once`
    keeps to it, and so does the next process. `cursor` is what the next fetch must know
    of this one. `unsure` means that the request went out and
    no answer came back, so the other side may have acted on it. `unreached` means that there was no answer at all: the
    other side, or our own network, is away.
    """

    exit_code = 1

    def __init__(
        self,
        reason: str,
        *,
        retry_at: int | None = None,
        state: str = "failing",
        obey: bool = False,
        cursor: str | None = None,
        unsure: bool = False,
        unreached: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_at = retry_at
        self.state = state
        self.obey = obey
        self.cursor = cursor
        self.unsure = unsure
        self.unreached = unreached


class Never(CommuniqueError):
    """An outside refusal that no retry heals: `remedy` says what a person has to do."""

    exit_code = 5

    def __init__(self, reason: str, *, remedy: str = "", state: str = "stopped") -> None:
        super().__init__(f"{reason}: {remedy}" if remedy else reason)
        self.reason = reason
        self.remedy = remedy
        self.state = state

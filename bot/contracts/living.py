"""What vouches for an absence: another post of the same source that was seen alive just before, by the same method."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.clock import Clock
from bot.http import Reply
from storage.records import Checked, FetchedPost

R = TypeVar("R")
Seen = tuple[FetchedPost | bool | None, Reply]
"""A post; True for something that is there and is none; None: the other side says that it is not there."""
_LASTS_S = 60.0  # that a living post vouches for the method
_KEPT = 3


@dataclass(slots=True)
class LivingPosts:
    """The newest posts of a source, to be looked at beside one that is absent.

    Before the first page of this process there are none, so that another account under the same name cannot vouch for a
    deletion.
    """

    clock: Clock
    _ids: tuple[str, ...] = ()
    _seen_at: float | None = None  # monotonic seconds

    def note_page(self, native_ids: Sequence[str]) -> None:
        """Keep the newest of a page, which is given oldest first."""
        self._ids = tuple(native_ids[::-1])[:_KEPT]

    def note_alive(self) -> None:
        """A post was seen, by the method that looks at single posts."""
        self._seen_at = self.clock.monotonic()

    @property
    def vouch(self) -> bool:
        """Whether an absence of this moment counts."""
        return self._seen_at is not None and self.clock.monotonic() - self._seen_at <= _LASTS_S

    async def check(
        self, native_id: str, one: Callable[[str], Awaitable[Seen]], method: str, *, apart: int = 0
    ) -> Checked:
        """Look at a post; an absence has its control. `apart` is how many microseconds lie between two absences."""
        found, reply = await self.look(native_id, one, lambda seen: seen[0] is None)
        fetch = reply.recorded(method)
        if found is None:
            return Checked(native_id, "absent", method, control=self.vouch, apart=apart, fetch=fetch)
        post = found if isinstance(found, FetchedPost) else None
        return Checked(native_id, "present", method, post=post, control=True, fetch=fetch)

    async def look(self, native_id: str, one: Callable[[str], Awaitable[R]], absent: Callable[[R], bool]) -> R:
        """Look at a post; where it is absent and nothing vouches for that, at a living one and then at it once more."""
        found = await one(native_id)
        if absent(found) and not self.vouch:
            other = next((known for known in self._ids if known != native_id), None)
            if other is not None and not absent(await one(other)):
                found = await one(native_id)
        return found

"""Folds the texts of an older version again, so that the index finds them as rules do."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.archive import AsyncArchive
from storage.language.fold import fold
from storage.posts import refolding


@dataclass(slots=True)
class Refolding:
    """A chore of bot.daemon.upkeep. `say` hears when it begins and when it is done."""

    archive: AsyncArchive
    say: Callable[[str], None]
    _begun: bool = False

    async def do_some(self) -> bool:
        """Fold the newest few hundred of what is left; False if nothing is."""
        stale = await self.archive.read(refolding.find_stale)
        if bool(stale) != self._begun:
            self._begun = not self._begun
            self.say(_BEGIN if stale else "the index of all posts is up to date")
        if stale:
            await self.archive.run(refolding.save, await asyncio.to_thread(_fold, stale))
        return bool(stale)


_BEGIN = "this version reads words better: older posts are indexed again; until then search is complete, but slower"


def _fold(texts: Mapping[int, str]) -> dict[int, str]:
    return {text_id: fold(text) for text_id, text in texts.items()}

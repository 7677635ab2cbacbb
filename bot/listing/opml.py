"""Which sources a feed reader can read too, as a list of feeds."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.foreign.opml import Outline

if TYPE_CHECKING:
    from bot.contracts.source import SourceSettings


def list_outlines(listed: "Iterable[SourceSettings]") -> tuple[list[Outline], int]:
    """The feeds among these sources, and how many are none."""
    from bot import sources

    outlines, left_out = [], 0
    for source in listed:
        # A kind that reads any web address as it is, and no page of it, is what a feed reader can read too.
        urls = [url for url in source.addresses() if sources.REGISTRY.find(source.kind, "recognise_page") is not None]
        outlines += [Outline(url, source.name, source.tags) for url in urls]
        left_out += not urls
    return outlines, left_out

"""PURE: which posts and sources a query can hold on at all, by its dates, ids and names of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.language.sequences import glob
from storage.language.tree import And, Is, Node, Not, Or, When
from storage.posts.ids import SECOND, first_id

SLACK = 3600  # seconds, as in storage.search.documents
TOP = 1 << 48  # above every id of a post; << 14 it still fits


def ids(node: Node) -> tuple[int, int]:
    """The posts that a query can hold on, by its dates and ids: [low, high) of post ids, which are ordered by time."""
    if isinstance(node, And):
        spans = [ids(part) for part in node.parts]
        return max((low for low, _ in spans), default=-TOP), min((high for _, high in spans), default=TOP)
    if isinstance(node, Or):
        spans = [ids(part) for part in node.parts]
        return min((low for low, _ in spans), default=TOP), max((high for _, high in spans), default=-TOP)
    if isinstance(node, When):
        return span(node.start, node.end)
    if isinstance(node, Is) and node.field == "id":
        number = min(int(node.value), TOP - 1)
        return number, number + 1
    return -TOP, TOP


def span(start: int | None, end: int | None) -> tuple[int, int]:
    """The ids of posts of [start, end), microseconds UTC, and a few more on both sides."""
    low = -TOP if start is None else first_id(start // SECOND - SLACK)
    high = TOP if end is None else first_id(end // SECOND + 1 + SLACK)
    return max(low, -TOP), min(high, TOP)


def possible(node: Node, source: Mapping[str, Any], *, certain: bool = False) -> bool:
    """Whether a query can hold on some post of a source; with `certain`, whether it holds on all of them."""
    if isinstance(node, And):
        return all(possible(part, source, certain=certain) for part in node.parts)
    if isinstance(node, Or):
        return any(possible(part, source, certain=certain) for part in node.parts)
    if isinstance(node, Not):
        return not possible(node.part, source, certain=not certain)
    if isinstance(node, Is) and node.field in ("source", "tag", "side"):
        named = (source["name"], source["handle"])
        names = {"source": named, "tag": source["tags"], "side": (source["side"],)}[node.field]
        return any(glob(node.value, name.casefold()) for name in names if name)
    return not certain

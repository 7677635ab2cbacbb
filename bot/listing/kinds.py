"""Hands the registries of sources, targets and engines to the config; imports no kind."""

from typing import Any

from bot.contracts.registry import Kinds


def every_kind() -> Kinds:
    """Gather the three registries."""
    from bot import sources
    from bot.alerts import targets
    from bot.enrich import engines

    return Kinds(sources.REGISTRY, targets.REGISTRY, engines.REGISTRY)


def reads_with_account(kind: str) -> bool:
    """Whether sources of this kind are read with the Telegram account; False for a kind that no longer exists."""
    return getattr(find_outline(kind), "READS_WITH_ACCOUNT", False)


def find_outline(kind: str) -> Any:
    """What a kind of source says of its entries before they are checked; None for most."""
    from bot.sources import REGISTRY

    return REGISTRY.outline_of(kind)

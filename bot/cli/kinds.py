"""Hands the registries of sources, targets and engines to the config; imports no kind."""

from bot.contracts.registry import Kinds


def every_kind() -> Kinds:
    """Gather the three registries."""
    from bot import sources
    from bot.alerts import targets
    from bot.enrich import engines

    return Kinds(sources.REGISTRY, targets.REGISTRY, engines.REGISTRY)


def reads_with_account(kind: str) -> bool:
    """Whether sources of this kind are read with the Telegram account; False for a kind that no longer exists."""
    try:
        return every_kind().sources.settings_of(kind).reads_with_account
    except KeyError:
        return False

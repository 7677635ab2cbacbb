"""The kinds of sources, targets and engines that this program has, gathered for the config; none is imported yet."""

from bot.contracts.registry import Kinds


def every_kind() -> Kinds:
    """Gather the three registries."""
    from bot import sources
    from bot.alerts import targets
    from bot.enrich import engines

    return Kinds(sources.REGISTRY, targets.REGISTRY, engines.REGISTRY)

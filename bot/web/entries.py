"""What of the config a viewer may see: sources that only the config names, and rules that name nothing hidden."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from bot.config.entries import SourceEntry
from storage.alerts import mutes
from storage.sources.names import read_handles, read_sides, read_tags

if TYPE_CHECKING:
    from bot.config.model import Config, RuleConfig
    from bot.web.viewer import Viewer
    from storage.alerts.mutes import Mute
    from storage.archive.database import Reader


def name_entries(config: "Config", among: Collection[str] | None = None) -> list[SourceEntry]:
    """The sources of the config; with `among` only those of these names."""
    return [
        SourceEntry(one.name, one.kind, tuple(one.tags), one.side, one.enabled, one.model_dump())
        for one in config.sources
        if among is None or one.name in among
    ]


def find_mutes(reader: "Reader", config: "Config", viewer: "Viewer", now: int, *, ended: bool = False) -> "list[Mute]":
    """What is muted, with `ended` also what was.

    For who reads some sources only, mutes that name no source or rule but one they see, and no tag or words at all.
    """
    found = mutes.list_mutes(reader, now, ended=ended)
    if viewer.sources is None:
        return found
    sources = {None, *read_tags(reader)}
    rules = {None, *(rule.name for rule in find_rules(reader, config, viewer))}
    return [one for one in found if one.source in sources and one.rule in rules and not (one.tag or one.query)]


def find_rules(reader: "Reader", config: "Config", viewer: "Viewer") -> list["RuleConfig"]:
    """The rules of the config; for who reads some sources only, those that name no other source, tag or side.

    Nor do they name a rule that does. `reader` shows the sources that the viewer may read.
    """
    if viewer.sources is None:
        return list(config.rules)
    tags = read_tags(reader)
    bare = {name for found in tags.values() for name in found}
    known = {"source": read_handles(reader) | tags.keys(), "tag": bare, "side": read_sides(reader)}
    found = list(config.rules)
    while True:
        named = {**known, "rule": {rule.name for rule in found}}
        kept = [rule for rule in found if _names_only(rule, config, named)]
        if len(kept) == len(found):
            return kept
        found = kept


def _names_only(rule: "RuleConfig", config: "Config", known: "Mapping[str, AbstractSet[str]]") -> bool:
    from datetime import UTC

    from storage.language.query import parse
    from storage.language.slips import unknown_names

    if not (set(rule.sources) <= known["source"] and set(rule.tags) <= known["tag"]):
        return False
    parsed = parse(rule.query, UTC, config.phrases())
    return not any(unknown_names(parsed.root, known))

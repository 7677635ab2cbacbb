"""Lets renamed sources, targets and rules keep their history in the archive; says what was probably renamed."""

from collections.abc import Iterable, Mapping

from bot.alerts.loaded_rules import LoadedRules
from bot.config import Config
from bot.config.renames import find_advice, list_entries, list_renamed
from bot.rules import MEDIA_RULE
from storage.archive.database import Writer
from storage.sources import identity, renames
from storage.sources.renames import ConfigEntry


def follow_names(writer: Writer, config: Config, rules: LoadedRules) -> list[str]:
    """Move what belongs to a former name to the present one, before anything is declared; a repeat moves nothing.

    Returns sentences for the user: names that probably changed, and what could not be moved.
    """
    said = [advice.sentence for advice in find_advice(config, renames.read_entries(writer))]
    sources: dict[str, str] = {}
    for part, was, name in list_renamed(config):
        if part == "targets":
            renames.move_target(writer, was, name)
        elif part == "rules":
            renames.move_rule(writer, was, name)
        elif renames.move_source(writer, was, name):
            sources[name] = was
            renames.move_rule(writer, f"{MEDIA_RULE}{was}", f"{MEDIA_RULE}{name}")
        elif renames.has_posts(writer, was):
            said.append(f'source "{name}" has posts of its own: those of "{was}" stay under that name')
    _keep_versions(writer, rules, sources)
    _forget_owners(writer, list_entries(config))
    renames.save_entries(writer, list_entries(config))
    return said


def _forget_owners(writer: Writer, entries: Iterable[ConfigEntry]) -> None:
    """Where a person lets a source read something else, its owner may be another: that is no takeover."""
    before = {one.name: one.mark for one in renames.read_entries(writer) if one.part == "sources"}
    for entry in entries:
        if entry.part == "sources" and entry.mark and before.get(entry.name, entry.mark) not in ("", entry.mark):
            identity.forget(writer, entry.name)


def _keep_versions(writer: Writer, rules: LoadedRules, renamed: Mapping[str, str]) -> None:
    """A source's name is part of the version of each rule that names it, and its new name does not make a new rule."""
    for rule, was, version in rules.versions_before(renamed):
        renames.move_version(writer, rule, was, version)

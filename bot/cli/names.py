"""Names that a person typed: find what has the name, or say which one was probably meant."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from bot.cli.terminal.output import Session, say, say_once
from bot.errors import ConfigError, UserError
from bot.foreign.text import visible
from bot.suggest import did_you_mean

if TYPE_CHECKING:
    from bot.contracts.source import SourceSettings
    from storage.archive.database import Reader
    from storage.language.query import Query


class Named(Protocol):
    """An entry of the config."""

    @property
    def name(self) -> str: ...


_Entry = TypeVar("_Entry", bound=Named)


def find_by_name(entries: Sequence[_Entry], name: str, noun: str) -> _Entry:
    """The entry of the config with this name. Raises UserError, which names a near one."""
    for entry in entries:
        if entry.name == name:
            return entry
    raise unknown_name(name, [entry.name for entry in entries], noun, "the config")


def find_source(sources: "Sequence[SourceSettings]", written: str) -> "SourceSettings":
    """The source that a person means by its name, its handle or a link to what it reads. Raises UserError."""
    named = [source for source in sources if source.name == written]
    meant = named or [source for source in sources if source.is_meant_by(written)]
    return meant[0] if meant else find_by_name(sources, written, "source")


def name_source(session: Session, written: str) -> str:
    """The name of the source whose @handle or address this is; any other word is taken as a name."""
    if not set(written) & set("@/:."):
        return written
    try:
        sources = session.config().sources if session.has_config() else ()
    except ConfigError as broken:
        say_once(session, f"warning: {written} is taken as a name: {broken.problems[0]}")
        return written
    meant = [source.name for source in sources if source.is_meant_by(written)]
    return meant[0] if meant and written not in {source.name for source in sources} else written


def unknown_name(name: str, known: Iterable[str], noun: str, place: str) -> UserError:
    """The error for a `noun` (source, rule, …) that does not exist in `place`."""
    hint = did_you_mean(name, known) or f"; `communique {noun}s list` shows them" * (noun in ("source", "rule"))
    return UserError(f"there is no {noun} {visible(name)} in {place}{hint}")


def expect_enabled(settings: "SourceSettings") -> None:
    """Raises UserError for a source that the config disables."""
    if not settings.enabled:
        raise UserError(f"{settings.name} is disabled: remove `enabled = false` from its entry in the config")


def warn_unknown_sources(session: Session, reader: "Reader", names: Sequence[str], tags: Sequence[str] = ()) -> bool:
    """Warn of names and tags that no source of the archive has; whether there is one.

    "Nothing found" alone would hide the mistake: whoever finds nothing by such a name exits with `NOTHING_FOUND`.
    """
    if not names and not tags:
        return False
    from storage.sources.names import read_tags

    known = read_tags(reader)
    tagged = {tag for found in known.values() for tag in found}
    _warn(session, names, known, "source")
    _warn(session, tags, tagged, "tag")
    return not (set(names) <= known.keys() and set(tags) <= tagged)


def warn_unknown_names(session: Session, query: "Query") -> None:
    """Warn of names in source:, tag:, side: and rule: of a query that the archive does not know."""
    from storage.language.slips import find_names, unknown_names

    if not any(find_names(query.root)):
        return
    try:
        archive = session.archive(says=False)
    except UserError:  # nothing collected yet: no name is known
        return
    with archive, archive.reading() as reader:
        known = _read_names(reader)
    for field, name in unknown_names(query.root, known):
        _warn(session, (name,), known[field], field)


def _read_names(reader: "Reader") -> dict[str, frozenset[str]]:
    from storage.alerts import rules
    from storage.sources.names import read_handles, read_sides, read_tags

    tags = read_tags(reader)
    return {
        "source": read_handles(reader) | tags.keys(),
        "tag": frozenset().union(*tags.values()),
        "side": read_sides(reader),
        "rule": frozenset(rules.list_names(reader)),
    }


def warn_unknown_rule(session: Session, reader: "Reader", name: str | None) -> bool:
    """Warn of a rule that was never loaded and never matched; whether it is such a one."""
    if name is None:
        return False
    from storage.alerts import rules

    known = rules.list_names(reader)
    _warn(session, (name,), known, "rule")
    return name not in known


def _warn(session: Session, names: Iterable[str], known: Iterable[str], noun: str) -> None:
    for name in names:
        if name not in known:
            say(session, f"warning: {unknown_name(name, known, noun, 'the archive')}")

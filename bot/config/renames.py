"""The entries of a config that had another name before, and those that look as if they had."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from bot.config.model import Config, RuleConfig
from bot.config.problems import Findings
from bot.contracts.source import SourceSettings
from bot.contracts.target import TargetSettings
from bot.suggest import did_you_mean
from storage.frozen import dataclass
from storage.language.nearest import nearest
from storage.sources.renames import PARTS, ConfigEntry, Part

_DO = {"sources": ("reads", "read"), "targets": ("sends to", "sent to"), "rules": ("looks for", "looked for")}


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence on one entry of the config; `index` counts the entries of its part."""

    part: Part
    index: int
    sentence: str


def list_entries(config: Config) -> list[ConfigEntry]:
    """Every source, target and rule, as the archive remembers it. An address may be a secret: only its hash is kept."""
    return [
        *(ConfigEntry("sources", one.name, one.kind, _mark(one.reads())) for one in config.sources),
        *(ConfigEntry("targets", one.name, one.kind, _mark(one.sends_to())) for one in config.targets),
        *(ConfigEntry("rules", one.name, "", one.query) for one in config.rules),
    ]


def _mark(address: str) -> str:
    return sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:16] if address else ""


def list_renamed(config: Config) -> list[tuple[Part, str, str]]:
    """The entries that had another name: the part, the former name and the present one."""
    return [(part, entry.was, entry.name) for part in PARTS for entry in _entries(config, part) if entry.was]


def _entries(config: Config, part: Part) -> Sequence[SourceSettings | TargetSettings | RuleConfig]:
    match part:
        case "sources":
            return config.sources
        case "targets":
            return config.targets
        case "rules":
            return config.rules


def find_advice(config: Config, known: Iterable[ConfigEntry]) -> list[Advice]:
    """What to say of new entries when others are gone, or when `was` names nothing.

    `known` is what the archive remembers; nothing is said while it remembers nothing.
    """
    found: list[Advice] = []
    present = list_entries(config)
    remembered = list(known)
    for part in PARTS:
        before = [entry for entry in remembered if entry.part == part]
        former = {was for there, was, _ in list_renamed(config) if there == part}
        now = [entry for entry in present if entry.part == part]
        left = former | {entry.name for entry in now}
        gone = [entry for entry in before if entry.name not in left]
        names = {entry.name for entry in before}
        for index, (entry, written) in enumerate(zip(now, _entries(config, part), strict=True)):
            if before and entry.name not in names:
                sentence = _wrong_was(entry, written.was, names) if written.was else _unsaid(entry, gone)
                found += [Advice(part, index, sentence)] if sentence else []
    return found


def _wrong_was(entry: ConfigEntry, was: str, names: Iterable[str]) -> str:
    if was in names:
        return ""
    return f'the archive knows no {_noun(entry)} "{was}"{did_you_mean(was, names)}'


def _unsaid(entry: ConfigEntry, gone: Sequence[ConfigEntry]) -> str:
    """The sentence on a new entry that probably is one of those that are gone; "" if none is like it."""
    head = f'{_noun(entry)} "{entry.name}" is new and '
    same = next((one for one in gone if entry.mark and one.mark == entry.mark), None)
    if same is not None:
        does, did = _DO[entry.part]
        return f'{head}{does} what "{same.name}" {did}: write was = "{same.name}" to keep one history'
    near = nearest(entry.name, [one.name for one in gone if one.kind in ("", entry.kind)])
    if near is None:
        return ""
    return f'{head}"{near}" is gone: if it is the same, write was = "{near}" to keep one history'


def _noun(entry: ConfigEntry) -> str:
    return entry.part.removesuffix("s")


def check_former_names(
    config: Config, names: Mapping[str, Mapping[str, int]], places: Mapping[str, Sequence[int]], findings: Findings
) -> None:
    """Note each `was` that is the name of an entry, or that two entries have. `names` are those in the file."""
    for part in PARTS:
        taken: dict[str, str] = {}
        for index, entry in zip(places[part], _entries(config, part), strict=True):
            keys = (part, index, "was")
            if entry.was is None:
                continue
            if entry.was in names[part]:
                what = "its own name" if entry.was == entry.name else f"the name of {part}[{names[part][entry.was]}]"
                findings.wrong(keys, f'"{entry.was}" is {what}: `was` is a name that no entry has any more')
            elif entry.was in taken:
                findings.wrong(
                    keys, f'"{taken[entry.was]}" has the same `was`: only one entry can take over "{entry.was}"'
                )
            taken.setdefault(entry.was, entry.name)

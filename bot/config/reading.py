"""Text in, checked config out: every section and entry is checked before anything is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.config import paths
from bot.config.backup import BackupConfig
from bot.config.bot import BotConfig
from bot.config.checks import cross_check
from bot.config.document import ConfigFile, open_document
from bot.config.environment import Environment
from bot.config.heartbeat import HeartbeatConfig
from bot.config.locate import KeyPath
from bot.config.model import (
    Config,
    Defaults,
    EventsConfig,
    HttpConfig,
    MediaConfig,
    RuleConfig,
    StorageConfig,
    TelegramConfig,
    TermConfig,
)
from bot.config.pairs import PairConfig
from bot.config.problems import Findings, got, name_some, one_of
from bot.config.web import WebConfig
from bot.contracts.registry import Kinds, Registry
from bot.contracts.settings import Settings
from bot.errors import ConfigError
from bot.suggest import did_you_mean
from storage.language.nearest import nearest

SECTIONS: dict[str, type[Settings]] = {
    "storage": StorageConfig,
    "http": HttpConfig,
    "telegram": TelegramConfig,
    "media": MediaConfig,
    "backup": BackupConfig,
    "heartbeat": HeartbeatConfig,
    "events": EventsConfig,
    "bot": BotConfig,
    "web": WebConfig,
    "defaults": Defaults,
}
LISTS = ("sources", "rules", "targets", "engines", "terms", "pairs")

_Part = TypeVar("_Part", bound=Settings)
AnyRegistry = Registry[Any, Any, Any]


def read(flag: Path | None, environment: Environment, kinds: Kinds, *, data_dir: Path | None = None) -> Config:
    """Find, read and check the config. Raises ConfigError with every problem at once."""
    return settle(find(flag, environment), environment, kinds, data_dir=data_dir)


def find(flag: Path | None, environment: Environment) -> ConfigFile:
    """Open the config file, or an empty document where there is none. Raises ConfigError."""
    path = paths.find_config(flag, environment)
    return open_document(path) if path else ConfigFile(name="", path=None, directory=Path.cwd())


def settle(document: ConfigFile, environment: Environment, kinds: Kinds, *, data_dir: Path | None = None) -> Config:
    """Check a document whole and make the config of it. Raises ConfigError with every problem at once."""
    findings = Findings(document, environment)
    given = effective(document, environment, findings)
    _unknown_sections(given, findings)
    storage = _section(given, "storage", StorageConfig, findings)
    config = Config.model_construct(  # of parts that were checked
        path=document.path,
        directory=document.directory,
        data_dir=_data_dir(data_dir, environment, storage),
        storage=storage,
        http=_section(given, "http", HttpConfig, findings),
        telegram=_section(given, "telegram", TelegramConfig, findings),
        media=_section(given, "media", MediaConfig, findings),
        backup=_section(given, "backup", BackupConfig, findings),
        heartbeat=_section(given, "heartbeat", HeartbeatConfig, findings),
        events=_section(given, "events", EventsConfig, findings),
        bot=_section(given, "bot", BotConfig, findings),
        web=_section(given, "web", WebConfig, findings),
        defaults=_section(given, "defaults", Defaults, findings),
    )
    places: dict[str, list[tuple[int, Settings]]] = {
        "sources": _entries(given, "sources", kinds.sources, findings),
        "rules": _entries(given, "rules", RuleConfig, findings),
        "targets": _entries(given, "targets", kinds.targets, findings),
        "engines": _entries(given, "engines", kinds.engines, findings),
        "terms": _entries(given, "terms", TermConfig, findings),
        "pairs": _entries(given, "pairs", PairConfig, findings),
    }
    config = config.model_copy(update={name: tuple(part for _, part in found) for name, found in places.items()})
    indexes = {name: [index for index, _ in found] for name, found in places.items()}
    queries = cross_check(config, given, indexes, findings)
    if findings.problems:
        raise ConfigError(tuple(sorted(findings.problems, key=lambda problem: problem.line)))
    said = {"warnings": tuple(findings.warnings), "silent": tuple(findings.silent)}
    return config.model_copy(update={**said, "queries": queries})


def effective(document: ConfigFile, environment: Environment, findings: Findings) -> dict[str, object]:
    """Lay the environment's `COMMUNIQUE_SECTION__KEY` over what the file says."""
    given = dict(document.data)
    for override in environment.overrides:
        section = given.get(override.section, {})
        if override.section not in SECTIONS:
            findings.wrong(
                (override.section, override.key),
                f'the environment cannot set the section "{override.section}"; it can set {one_of(SECTIONS)}',
            )
        elif isinstance(section, Mapping):
            given[override.section] = {**section, override.key: override.text}
    findings.warnings += [f"{name}: unknown environment variable" for name in environment.unknown]
    return given


def _unknown_sections(given: Mapping[str, object], findings: Findings) -> None:
    known = (*SECTIONS, *LISTS)
    for name in given:
        if name not in known:
            kind = "section" if isinstance(given[name], Mapping | list) else "key outside of any section"
            findings.wrong((name,), f"unknown {kind}{did_you_mean(name, known) or name_some(known)}", at_key=True)


def _data_dir(flag: Path | None, environment: Environment, storage: StorageConfig) -> Path:
    asked = flag or environment.data_dir
    return asked.expanduser().absolute() if asked else storage.dir or paths.usual_data_dir()


def _section(given: Mapping[str, object], name: str, model: type[_Part], findings: Findings) -> _Part:
    """One section; mistakes are noted, and defaults are used so that the rest can be checked."""
    if name not in given:
        return model.model_construct()  # the defaults, without making what checks other values
    return _part(given[name], model, (name,), findings) or model()


def _part(raw: object, model: type[_Part], keys: KeyPath, findings: Findings) -> _Part | None:
    if not isinstance(raw, Mapping):
        findings.wrong(keys, f"expected a table, got {got(raw)}")
        return None
    context = {
        "directory": findings.document.directory,
        "credentials_directory": findings.environment.credentials_directory,
    }
    try:
        return model.model_validate(raw, context=context)
    except ValidationError as error:
        findings.refused(keys, raw, model, error)
        return _salvaged(raw, model, keys, findings, context, error)


def _salvaged(
    raw: Mapping[str, object],
    model: type[_Part],
    keys: KeyPath,
    findings: Findings,
    context: Mapping[str, object],
    error: ValidationError,
) -> _Part | None:
    """The valid keys of a part that was refused, so that the rest of the config is checked against them at once."""
    details = error.errors(include_url=False)
    wrong = {detail["loc"][0] for detail in details if detail["loc"]}
    if wrong & {"sources", "tags"}:
        wrong |= {"matches", "not_matches"}  # without its scope a rule may judge its examples wrongly
    try:
        return model.model_validate({key: raw[key] for key in raw if key not in wrong}, context=dict(context))
    except ValidationError as rest:
        if all(detail["type"] == "extra_forbidden" for detail in details):  # what is missing now was missing before
            findings.refused(keys, raw, model, rest)
        return None


def _entries(
    given: Mapping[str, object], name: str, form: AnyRegistry | type[Settings], findings: Findings
) -> list[tuple[int, Settings]]:
    """Check the entries of one list; the valid part of each, with its index in the file."""
    entries = given.get(name, [])
    if not isinstance(entries, list):
        findings.wrong((name,), f"write [[{name}]], with two brackets, above each entry")
        return []
    found: list[tuple[int, Settings]] = []
    for index, raw in enumerate(entries):
        keys = (name, index)
        part = _part(raw, form, keys, findings) if isinstance(form, type) else _of_kind(raw, form, keys, findings)
        if part is not None:
            found.append((index, part))
    return found


def _of_kind(raw: object, registry: AnyRegistry, keys: KeyPath, findings: Findings) -> Settings | None:
    """An entry of a kind. A plug-in that cannot be used stops its entries, and the daemon works without them."""
    model = _model_of(raw, registry, keys, findings)
    if model is None:
        return None
    assert isinstance(raw, Mapping)
    kind = str(raw["kind"])
    if kind in registry.kinds() or registry.plug_ins is None:
        return _part(raw, model, keys, findings)
    try:
        part = _part(raw, model, keys, findings)
        if part is not None:
            registry.plug_ins.try_out(part)
    except Exception as error:  # noqa: BLE001 - a bug in the code of others
        model = registry.plug_ins.replace(kind, error)
        part = _part(raw, model, keys, findings)
    if trouble := registry.plug_ins.trouble_of(model):
        findings.unheard((*keys, "kind"), trouble)
    return part


def _model_of(raw: object, registry: AnyRegistry, keys: KeyPath, findings: Findings) -> type[Settings] | None:
    kind = raw.get("kind") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping):
        findings.wrong(keys, f"expected a table, got {got(raw)}")
    elif kind is None:
        near = nearest("kind", map(str, raw))
        hint = f'; did you mean "kind" in place of "{near}"?' if near else f"; it may be {one_of(registry.kinds())}"
        findings.wrong((*keys, "kind"), f"is missing{hint}")
    elif not isinstance(kind, str):
        findings.wrong((*keys, "kind"), f"expected a string, got {got(kind)}")
    else:
        try:
            return registry.settings_of(kind)
        except KeyError:
            known = (*registry.kinds(), *(registry.plug_ins.kinds() if registry.plug_ins else ()))
            hint = did_you_mean(kind, known) or f"; it may be {one_of(known)}"
            findings.wrong((*keys, "kind"), f"unknown kind {got(kind)}{hint}")
        except ImportError as error:
            findings.wrong((*keys, "kind"), f"cannot be used in this installation: {error}")
    return None

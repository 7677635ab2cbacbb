"""The shape of the config: its sections and entries, and the value that everything else gets."""

import ipaddress
import re
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bot.clock import MINUTE
from bot.config.backup import BackupConfig
from bot.config.bot import BotConfig
from bot.config.caps import Caps
from bot.config.heartbeat import HeartbeatConfig, at_least_a_second
from bot.config.pairs import PairConfig
from bot.config.web import WebConfig
from bot.contracts.engine import EngineSettings
from bot.contracts.settings import (
    ConfigPath,
    Duration,
    Interval,
    Name,
    SecretFile,
    Settings,
    Size,
    Usual,
    term_name,
    zone_name,
)
from bot.contracts.source import FileKind, SourceSettings
from bot.contracts.target import TargetSettings
from bot.errors import Problem
from bot.http.tunnel import parse_proxy
from storage.language.terms import Term

if TYPE_CHECKING:
    from bot.http import HttpRules

Priority = Literal["min", "low", "default", "high", "max"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
_PORTS = {"http": 80, "https": 443}


def proxy_address(value: str) -> str:
    """Check the form of a proxy's URL. Raises ValueError, which never repeats it: it may contain a password."""
    if parse_proxy(value) is None:
        raise ValueError('expected "http://host:port" or "socks5://host:port"')
    return value


def telegram_proxy(value: str) -> str:
    """Check the form of a proxy to Telegram, which may be an MTProto proxy. Raises ValueError without the secret."""
    parts = urlsplit(value)
    if parts.scheme == "mtproxy":
        secret, right = parts.username or "", bool(parts.hostname and parts.port)
    elif (parts.scheme, parts.netloc) == ("tg", "proxy") or (parts.netloc, parts.path) == ("t.me", "/proxy"):
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        secret, right = given.get("secret", ""), bool(given.get("server")) and given.get("port", "").isdecimal()
    else:
        return proxy_address(value)
    if not right or not re.fullmatch(r"(?:dd)?[0-9A-Fa-f]{32}", secret):
        raise ValueError(
            'expected "mtproxy://SECRET@host:port" or "https://t.me/proxy?server=…&port=…&secret=…", with a secret of '
            '32 hexadecimal digits, after "dd" or not (those that begin with "ee" are not supported)'
        )
    return value


def server_address(value: str) -> str:
    """Check "host:port". Raises ValueError."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f'expected "host:port" such as "127.0.0.1:4430", got {value!r}')
    return value


class StorageConfig(Settings):
    """[storage]: where the archive is."""

    dir: ConfigPath | None = None  # None: the platform's place for data


class HostConfig(Settings):
    """[http.hosts."t.me"]: how often one host is asked."""

    interval: Duration  # between two requests to this host


class HttpConfig(Settings):
    """[http]: how pages are fetched."""

    user_agent: str | None = None  # None: the client's own
    proxy: Annotated[str, AfterValidator(proxy_address)] | None = None  # if set, all traffic uses it
    allow_private_addresses: bool = False
    ca_file: ConfigPath | None = None  # authorities to trust besides the well-known ones
    hosts: dict[str, HostConfig] = Field(default_factory=dict)


def _account_name(value: str) -> str:
    """Check the name of an account, which is part of a file's name. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", value):
        raise ValueError(f"expected 1 to 32 letters, digits, - and _, got {value!r}")
    return value


class TelegramAccount(Settings):
    """[[telegram.accounts]]: one of several accounts; what it does not set is that of [telegram]."""

    name: Annotated[str, AfterValidator(_account_name)]
    api_id: int | None = None
    api_hash_file: SecretFile | None = None
    proxy: Annotated[str, AfterValidator(telegram_proxy)] | None = None
    server: Annotated[str, AfterValidator(server_address)] | None = None
    dc: int | None = None
    public_key_file: ConfigPath | None = None
    resolves_per_hour: int | None = Field(default=None, ge=1)


class TelegramConfig(Settings):
    """[telegram]: signing in to Telegram; not needed for public channels."""

    api_id: int | None = None
    api_hash_file: SecretFile | None = None
    proxy: Annotated[str, AfterValidator(telegram_proxy)] | None = None  # if set, all traffic uses it
    server: Annotated[str, AfterValidator(server_address)] | None = None  # "host:port" of a test or own server
    dc: int | None = None
    public_key_file: ConfigPath | None = None
    resolves_per_hour: int = Field(default=20, ge=1)  # new names looked up at most; each is looked up once
    accounts: tuple[TelegramAccount, ...] = ()  # none: this section describes the only one

    def each(self) -> dict[str, "TelegramConfig"]:
        """Every account as if it were the only one, by its name; '' is the name of the only one."""
        if not self.accounts:
            return {"": self}
        alone = self.model_copy(update={"accounts": ()})
        return {
            one.name: alone.model_copy(update={key: value for key, value in one if key != "name" and value is not None})
            for one in self.accounts
        }

    @property
    def has_proxy(self) -> bool:
        """Whether an account uses a proxy."""
        return any(one.proxy is not None for one in self.each().values())

    @property
    def can_sign_in(self) -> bool:
        """Whether api_id and api_hash_file are there."""
        return self.api_id is not None and self.api_hash_file is not None

    @model_validator(mode="after")
    def _has_each_name_once(self) -> Self:
        names = [one.name for one in self.accounts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f'two accounts have the name "{twice}"')
        return self


class TagMedia(Settings):
    """[media.tags."junta"]: what files of sources with this tag alert on, unless the source sets it itself."""

    alert_on: tuple[FileKind, ...] = ()
    alert_targets: tuple[Name, ...] | None = None


class MediaConfig(Settings):
    """[media]: how much is fetched. The largest file of each kind, then all files of one source, of all sources."""

    voice: Size = 25 << 20
    audio: Size = 50 << 20
    photo: Size = 20 << 20
    video: Size = 200 << 20
    document: Size = 50 << 20
    per_source: Size = Caps().per_source
    total: Size = Caps().total
    keep_free: Size = Caps().keep_free  # with less free disk no file is fetched; posts still are
    tags: dict[str, TagMedia] = Field(default_factory=dict)

    def largest(self, kind: str) -> int:
        """The cap of one file in bytes, of a media kind as sources name it."""
        caps = {"voice": self.voice, "audio": self.audio, "photo": self.photo, "document": self.document}
        return caps.get(kind, self.video)


class Defaults(Settings):
    """[defaults]: values for entries that do not set them."""

    every: Interval = 2 * MINUTE
    usual: Usual = "auto"
    timezone: Annotated[str, AfterValidator(zone_name)] = (
        "Asia/Yangon"  # beside UTC in alerts; if set, on the screen, too
    )
    targets: tuple[Name, ...] = ()  # of rules that name none


def _short_wait(value: int) -> int:
    if value > 5 * MINUTE:
        raise ValueError("the maximum is 5m")
    return value


class EventsConfig(Settings):
    """[events]: copies of a statement are found and do not ring again."""

    enabled: bool = True
    wait: Annotated[Duration, AfterValidator(_short_wait)] = 0  # before the first message, to name the first copies
    alike: Annotated[float, Field(gt=0, le=1)] = 0.6  # from which likeness two texts are nearly the same
    contained: Annotated[float, Field(gt=0, le=1)] = 0.7  # or which part of one is in the other


class EscalateConfig(Settings):
    """`escalate` of a rule: which targets hear of an alert that nobody has acknowledged by then."""

    after: Annotated[Duration, AfterValidator(at_least_a_second)]
    targets: Annotated[tuple[Name, ...], Field(min_length=1)]


class RuleConfig(Settings):
    """[[rules]]: what to look for.

    `targets` None: those of [defaults]; an empty list: a saved search, which never alerts.
    """

    name: Name
    was: Name | None = None  # its former name, whose matches it takes over
    query: str
    tags: tuple[Name, ...] = ()
    sources: tuple[Name, ...] = ()
    priority: Priority = "default"
    per_hour: Annotated[int, Field(ge=1)] | None = None  # single messages to each target in any hour, at most
    targets: tuple[Name, ...] | None = None
    escalate: EscalateConfig | None = None
    matches: tuple[str, ...] = ()
    not_matches: tuple[str, ...] = ()
    description: str = ""


class TermConfig(Settings):
    """[[terms]]: one name for something with several names; queries use it as @name.

    Every other key is an ISO 639 code with the phrases of that language; storage.language sees them all alike. `kind`
    says what it names (unit, town, …); places are compared where statements face each other.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, tuple[str, ...]] = Field(init=False)

    name: Annotated[str, AfterValidator(term_name)]
    kind: str = ""
    not_after: tuple[str, ...] = ()
    not_before: tuple[str, ...] = ()

    @property
    def languages(self) -> dict[str, tuple[str, ...]]:
        """The phrases by language, in the order of the file."""
        return self.__pydantic_extra__ or {}


class Config(Settings):
    """The whole config, checked. `path` None: no file; then `directory`, where relative paths start, is the cwd."""

    path: Path | None
    directory: Path
    data_dir: Path
    storage: StorageConfig = Field(default_factory=StorageConfig)
    http: HttpConfig = Field(default_factory=HttpConfig)
    telegram: TelegramConfig = Field(default_factory=TelegramConfig)
    media: MediaConfig = Field(default_factory=MediaConfig)
    backup: BackupConfig = Field(default_factory=BackupConfig)
    heartbeat: HeartbeatConfig = Field(default_factory=HeartbeatConfig)
    events: EventsConfig = Field(default_factory=EventsConfig)
    bot: BotConfig = Field(default_factory=BotConfig)
    web: WebConfig = Field(default_factory=WebConfig)
    defaults: Defaults = Field(default_factory=Defaults)
    sources: tuple[SourceSettings, ...] = ()
    rules: tuple[RuleConfig, ...] = ()
    targets: tuple[TargetSettings, ...] = ()
    engines: tuple[EngineSettings, ...] = ()
    terms: tuple[TermConfig, ...] = ()
    pairs: tuple[PairConfig, ...] = ()
    warnings: tuple[str, ...] = ()
    queries: dict[str, Any] = Field(default_factory=dict, repr=False)  # of the rules, each as it was read by the checks
    silent: tuple[Problem, ...] = ()  # rules that alert nobody: `config check` refuses them, `run` only warns

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that is shown beside UTC."""
        return ZoneInfo(self.defaults.timezone)

    def hidden(self) -> tuple[Path, ...]:
        """What no engine may read: the archive and its backups, this file, and every secret that it names."""
        places = (self.data_dir, self.backup.to, self.path, *_secrets(self))
        return tuple(place for place in places if place is not None)

    def counts(self) -> str:
        """Say "2 sources, 1 rule, 1 target", and how many terms if there are any."""
        parts: list[tuple[str, Sized]] = [("source", self.sources), ("rule", self.rules), ("target", self.targets)]
        if self.terms:
            parts.append(("term", self.terms))
        return ", ".join(f"{len(found)} {name}{'' if len(found) == 1 else 's'}" for name, found in parts)

    def phrases(self) -> dict[str, Term]:
        """The phrases of each @name in all languages, for parsing queries."""
        return {
            term.name: Term(
                (phrase for found in term.languages.values() for phrase in found), term.not_after, term.not_before
            )
            for term in self.terms
        }

    def http_rules(self) -> "HttpRules":
        """The [http] section as the client takes it."""
        from bot.http import HttpRules

        return HttpRules(
            user_agent=self.http.user_agent or "communique/0.1 (monitor of public statements)",
            proxy=self.http.proxy,
            ca_file=self.http.ca_file,
            private=self.private_hosts(),
            intervals={host: settings.interval for host, settings in self.http.hosts.items()},
        )

    def every(self, source: SourceSettings) -> int:
        """How often `source` is polled, in microseconds."""
        return self.defaults.every if source.every is None else source.every

    def rule_targets(self, rule: RuleConfig) -> tuple[str, ...]:
        """Names of the targets that get alerts of `rule`; empty: it is a saved search."""
        return self.defaults.targets if rule.targets is None else rule.targets

    def alerts_on(self, source: SourceSettings) -> tuple[FileKind, ...]:
        """Kinds of file that alert by themselves: as the source sets it, else as its tags do."""
        if source.alert_on is not None:
            return source.alert_on
        tagged = [self.media.tags[tag] for tag in source.tags if tag in self.media.tags]
        return tuple(dict.fromkeys(kind for tag in tagged for kind in tag.alert_on))

    def media_targets(self, source: SourceSettings) -> tuple[str, ...]:
        """Names of the targets that get alerts on files of `source`."""
        if source.alert_targets is not None:
            return source.alert_targets
        tagged = [self.media.tags[tag].alert_targets for tag in source.tags if tag in self.media.tags]
        named = [names for names in tagged if names is not None]
        return tuple(dict.fromkeys(name for names in named for name in names)) if named else self.defaults.targets

    def rule_sources(self, rule: RuleConfig) -> tuple[SourceSettings, ...]:
        """Choose the sources that `rule` reads: those it names or whose tags it names; it names none: all."""
        if not rule.sources and not rule.tags:
            return self.sources
        return tuple(
            source for source in self.sources if source.name in rule.sources or set(source.tags) & set(rule.tags)
        )

    def private_hosts(self) -> frozenset[tuple[str, int]]:
        """Hosts and ports that the user wrote, which may therefore be private; none unless that is allowed at all."""
        return frozenset(self.named_hosts()) if self.http.allow_private_addresses else frozenset()

    def named_hosts(self) -> tuple[tuple[str, int], ...]:
        """Every (host, port) that the config names or implies: sources, targets, engines, heartbeat, proxy."""
        parts: tuple[SourceSettings | TargetSettings | EngineSettings, ...] = (
            *self.sources,
            *self.targets,
            *self.engines,
        )
        urls = [url for part in (*parts, self.heartbeat) for url in part.addresses()]
        found = [host_and_port(url) for url in (*urls, *filter(None, [self.http.proxy]))]
        return tuple(pair for pair in dict.fromkeys(found) if pair)


def _secrets(value: object) -> Iterator[Path]:
    if isinstance(value, SecretFile):
        yield value.path
    elif isinstance(value, Settings):
        for _, part in value:
            yield from _secrets(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from _secrets(part)


def host_and_port(url: str) -> tuple[str, int] | None:
    """Host (lower case, no brackets, no final dot) and port of a URL; None where it names no host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (host.rstrip("."), port or _PORTS.get(parts.scheme, 443)) if host else None


def is_private(host: str) -> bool:
    """Tell a literal address that is not global, or a local name; other names are not looked up."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))

"""The shape of the config: sections, rules, and the value that everything else is given."""

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from bot.alerts.targets._contract import TargetSettings
from bot.clock import MINUTE
from bot.config.values import ConfigPath, Duration, Name, SecretFile, Settings, zone_name
from bot.sources._contract import SourceSettings

if TYPE_CHECKING:
    from bot.http import HttpRules

Priority = Literal["min", "low", "default", "high", "max"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
_PORTS = {"http": 80, "https": 443}


def proxy_address(value: str) -> str:
    """Check the form of a proxy's URL. Raises ValueError, which never repeats it: a password may stand in it."""
    found = host_and_port(value)
    if found is None or not urlsplit(value).port or urlsplit(value).scheme not in ("http", "socks5", "socks5h"):
        raise ValueError('expected "http://host:port" or "socks5://host:port"')
    return value


class StorageConfig(Settings):
    """[storage]: where the archive stands."""

    dir: ConfigPath | None = None  # None: the platform's place for data


class HostConfig(Settings):
    """[http.hosts."t.me"]: politeness towards one host."""

    interval: Duration  # between two requests to this host


class HttpConfig(Settings):
    """[http]: how pages are fetched."""

    user_agent: str | None = None  # None: the client's own
    proxy: Annotated[str, AfterValidator(proxy_address)] | None = None  # set, nothing goes past it
    allow_private_addresses: bool = False
    hosts: dict[str, HostConfig] = Field(default_factory=dict)


class TelegramConfig(Settings):
    """[telegram]: signing in to Telegram; not needed for public channels."""

    api_id: int | None = None
    api_hash_file: SecretFile | None = None
    proxy: Annotated[str, AfterValidator(proxy_address)] | None = None
    server: str | None = None  # "host:port" of a test or own server
    dc: int | None = None
    public_key_file: ConfigPath | None = None


class Defaults(Settings):
    """[defaults]: what an entry that says nothing gets."""

    every: Duration = 2 * MINUTE
    timezone: Annotated[str, AfterValidator(zone_name)] = "Asia/Yangon"  # shown beside UTC in alerts
    targets: tuple[Name, ...] = ()  # of rules that name none


class RuleConfig(Settings):
    """[[rules]]: what to look for.

    `targets` None: those of [defaults]; an empty list: a saved search, which never alerts.
    """

    name: Name
    query: str
    tags: tuple[Name, ...] = ()
    sources: tuple[Name, ...] = ()
    priority: Priority = "default"
    targets: tuple[Name, ...] | None = None
    matches: tuple[str, ...] = ()
    not_matches: tuple[str, ...] = ()
    description: str = ""


class Config(Settings):
    """The whole config, checked. `path` None: no file; then `directory`, where relative paths start, is the cwd."""

    path: Path | None
    directory: Path
    data_dir: Path
    storage: StorageConfig = StorageConfig()
    http: HttpConfig = HttpConfig()
    telegram: TelegramConfig = TelegramConfig()
    defaults: Defaults = Defaults()
    sources: tuple[SourceSettings, ...] = ()
    rules: tuple[RuleConfig, ...] = ()
    targets: tuple[TargetSettings, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The second time zone that people are shown beside UTC."""
        return ZoneInfo(self.defaults.timezone)

    def counts(self) -> str:
        """Say "2 sources, 1 rule, 1 target"."""
        parts = (("source", self.sources), ("rule", self.rules), ("target", self.targets))
        return ", ".join(f"{len(found)} {name}{'' if len(found) == 1 else 's'}" for name, found in parts)

    def http_rules(self) -> "HttpRules":
        """The [http] section as the client takes it."""
        from bot.http import HttpRules

        return HttpRules(
            user_agent=self.http.user_agent or "communique/0.1 (monitor of public statements)",
            proxy=self.http.proxy,
            private=self.private_hosts(),
            intervals={host: settings.interval for host, settings in self.http.hosts.items()},
        )

    def every(self, source: SourceSettings) -> int:
        """How often `source` is polled, in microseconds."""
        return self.defaults.every if source.every is None else source.every

    def rule_targets(self, rule: RuleConfig) -> tuple[str, ...]:
        """Names of the targets that hear of `rule`; empty: it is a saved search."""
        return self.defaults.targets if rule.targets is None else rule.targets

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
        """Every (host, port) that the config names or implies: sources, targets, the proxy."""
        parts: tuple[SourceSettings | TargetSettings, ...] = (*self.sources, *self.targets)
        urls = [url for part in parts for url in part.addresses()]
        found = [host_and_port(url) for url in (*urls, *filter(None, [self.http.proxy]))]
        return tuple(pair for pair in dict.fromkeys(found) if pair)


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

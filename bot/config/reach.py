"""Checks whether alerts reach somebody, and whether the intervals can be kept."""

from collections import defaultdict
from collections.abc import Sequence

from bot.config.model import Config, host_and_port
from bot.config.problems import Findings
from bot.contracts.amounts import written
from bot.contracts.pace import JITTER, is_too_much
from bot.contracts.source import SourceSettings
from bot.http.values import BUILT_IN_INTERVALS


def check_reach(config: Config, rules: Sequence[int], targets: Sequence[int], findings: Findings) -> None:
    """Note rules that alert nobody and targets that nobody uses; the numbers are the entries' indexes in the file."""
    for index, rule in zip(rules, config.rules, strict=True):
        if rule.targets is None and not config.defaults.targets:
            findings.unheard(
                ("rules", index),
                f'the rule "{rule.name}" alerts nobody: name its targets, or set [defaults] targets; '
                "targets = [] makes it a saved search",
            )
        if rule.escalate is not None and not config.rule_targets(rule):
            findings.odd(
                ("rules", index, "escalate"), f'the rule "{rule.name}" alerts nobody, so that nothing can escalate'
            )
    used = {name for rule in config.rules for name in config.rule_targets(rule)}
    used |= {name for rule in config.rules if rule.escalate for name in rule.escalate.targets}
    used |= {name for source in config.sources if config.alerts_on(source) for name in config.media_targets(source)}
    for index, target in zip(targets, config.targets, strict=True):
        if config.rules and not target.health and target.name not in used:
            findings.odd(("targets", index), f'no rule uses the target "{target.name}", and it gets no health messages')
        for key, message in target.warnings():
            findings.odd(("targets", index, key), message)


def find_crowded(config: Config) -> dict[str, tuple[int, list[SourceSettings]]]:
    """Hosts whose sources cannot all be polled as often as the config says: the pause of each, and its sources."""
    intervals = BUILT_IN_INTERVALS | {host: settings.interval for host, settings in config.http.hosts.items()}
    wanted: dict[str, list[SourceSettings]] = defaultdict(list)
    for source in config.sources:
        if source.enabled and not source.reads_with_account:
            found = host_and_port(next(iter(source.addresses()), ""))
            if found is not None:
                wanted[found[0]].append(source)
    return {
        host: (pause, sources)
        for host, sources in wanted.items()
        if (pause := intervals.get(host, 0)) and is_too_much([config.every(one) for one in sources], pause)
    }


def paces(config: Config) -> list[str]:
    """One sentence for each host whose sources cannot all be polled as often as the config says."""
    return [
        f"{len(sources)} sources of {host} can each be polled every {_rounded(pause * JITTER * len(sources))}; you "
        f"wrote {_span([config.every(one) for one in sources])}: requests to {host} keep a pause of {written(pause)}. "
        "Those with news, with rules of high priority or with due re-checks come first, quiet ones less often"
        for host, (pause, sources) in find_crowded(config).items()
    ]


def _span(every: Sequence[int]) -> str:
    low, high = min(every), max(every)
    return _rounded(low) if low == high else f"{_rounded(low)} to {_rounded(high)}"


def _rounded(microseconds: float) -> str:
    """A duration as people say it: whole minutes from two minutes on, else seconds."""
    seconds = round(microseconds / 1_000_000)
    return f"{round(seconds / 60)} min" if seconds >= 120 else f"{seconds} s"

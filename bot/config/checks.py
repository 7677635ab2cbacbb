"""Checks across the config: names that must exist, queries that must parse, rules that can never match."""

import re
from collections.abc import Iterable, Mapping, Sequence

from bot.config.bot_checks import check_bot
from bot.config.locate import KeyPath
from bot.config.model import Config, RuleConfig, is_private
from bot.config.pairs import check_pairs
from bot.config.problems import Findings, one_of
from bot.config.reach import check_reach, paces
from bot.config.renames import check_former_names
from bot.config.terms import OWN_KEYS
from bot.rules import MEDIA_RULE
from bot.rules.cycles import find_circle
from bot.suggest import did_you_mean
from storage.language import hits, match, query
from storage.language.fold import fold
from storage.language.script import language
from storage.language.slips import unknown_names
from storage.language.terms import Term, any_of

_LANGUAGE = re.compile("[a-z]{2,3}")
_MISSING = {
    "source": 'no source in this config is called "{}"',
    "tag": 'no source in this config has the tag "{}"',
    "side": 'no source in this config has the side "{}"',
    "rule": 'no rule in this config is called "{}"',
}
_UNREAD = ("unread",)  # replaces the phrases of a term with a mistake, so that rules are not blamed for it


def cross_check(
    config: Config, given: Mapping[str, object], places: Mapping[str, Sequence[int]], findings: Findings
) -> dict[str, query.Query]:
    """Note every mistake that shows only when entries are compared; the queries of the rules, as they were read.

    `config` holds what is right of each entry and `places` the entries' indexes in the file; `given` is the whole
    document, so that the name of an entry with mistakes still counts as known.
    """
    names = {part: _names(given, part, findings) for part in ("sources", "rules", "targets", "engines", "terms")}
    _known(config.defaults.targets, names["targets"], "target", ("defaults", "targets"), findings)
    check_bot(config, names["targets"], findings)
    tags = _tags(given)
    _media(config, places["sources"], names["targets"], findings)
    _languages(config, places["sources"], findings)
    usable = _terms(config, given, places["terms"], findings)
    phrases = {**dict.fromkeys(names["terms"], _UNREAD), **usable}
    whole = len(places["sources"]) == len(names["sources"])
    queries: list[tuple[int, str, query.Query]] = []
    for index, rule in zip(places["rules"], config.rules, strict=True):
        keys: KeyPath = ("rules", index)
        _known(rule.targets or (), names["targets"], "target", (*keys, "targets"), findings)
        if rule.escalate is not None:
            _known(rule.escalate.targets, names["targets"], "target", (*keys, "escalate", "targets"), findings)
        _known(rule.sources, names["sources"], "source", (*keys, "sources"), findings)
        if tags is not None:
            _known(rule.tags, tags, "tag", (*keys, "tags"), findings)
        if whole and rule.sources + rule.tags and not any(source.enabled for source in config.rule_sources(rule)):
            findings.odd(keys, f'the rule "{rule.name}" can never match: no source is in its scope')
        if rule.name.startswith(MEDIA_RULE):
            findings.wrong(
                (*keys, "name"), f'a rule name cannot begin with "{MEDIA_RULE}", which is reserved for alerts on files'
            )
        parsed = _query(rule, phrases, keys, findings)
        if parsed is not None:
            queries.append((index, rule.name, parsed))
            if usable.keys() >= dict(parsed.terms).keys():
                _examples(config, rule, parsed, keys, findings)
    asked: dict[str, Iterable[str]] = {"rule": names["rules"]}
    if tags is not None:  # else a source with a mistake may be what is asked for
        sides = {side for source in config.sources if (side := source.side)}
        handles = {handle for source in config.sources if (handle := source.handle())}
        asked |= {"source": {*names["sources"], *handles}, "tag": tags} | ({"side": sides} if whole else {})
    check_pairs(config.pairs, places["pairs"], names["rules"], asked.get("side"), findings)
    _asked(queries, asked, findings)
    for index, engine in zip(places["engines"], config.engines, strict=True):
        keys = ("engines", index)
        _known(engine.sources, names["sources"], "source", (*keys, "sources"), findings)
        if tags is not None:
            _known(engine.tags, tags, "tag", (*keys, "tags"), findings)
    if tags is not None:
        for tag in config.media.tags:
            _known((tag,), tags, "tag", ("media", "tags", tag), findings, each=False)
    _telegram(config, places["sources"], findings)
    _private(config, findings)
    _authority(config, findings)
    check_former_names(config, names, places, findings)
    check_reach(config, places["rules"], places["targets"], findings)
    findings.warnings += paces(config)
    return {parsed.text: parsed for _, _, parsed in queries}


_SHORT_POLLS = 10
_CHANNELS = 500


def _telegram(config: Config, places: Sequence[int], findings: Findings) -> None:
    """What Telegram allows one account, and what an account needs."""
    found = [(index, source) for index, source in zip(places, config.sources, strict=True) if source.reads_with_account]
    found = [(index, source) for index, source in found if source.enabled]
    modes = [(index, getattr(source, "mode", "auto")) for index, source in found]
    short = [index for index, mode in modes if mode == "short"]
    for index in short[_SHORT_POLLS:]:
        findings.wrong(
            ("sources", index, "mode"),
            f'{len(short)} sources have mode = "short", but Telegram serves at most {_SHORT_POLLS} channels of an '
            'account that way (https://core.telegram.org/api/updates): use "auto" or "history" here',
        )
    pushed = sum(mode in ("auto", "push") for _, mode in modes)
    if pushed > _CHANNELS:
        findings.odd(
            ("sources",),
            f"{pushed} sources use push, but an account can join only {_CHANNELS} channels (1000 with Premium): "
            "those that it has not joined are polled at their interval",
        )
    accounts = config.telegram.each()
    for index, source in found:
        named = getattr(source, "account", None)
        if named is not None:
            _known((named,), [name for name in accounts if name], "account", ("sources", index, "account"), findings)
    if found and not all(telegram.can_sign_in for telegram in accounts.values()):
        findings.odd(
            ("telegram",),
            "sources of kind telegram need api_id and api_hash_file, and `communique login`; without them only the "
            "public pages are read",
        )
    if any(telegram.server is not None and telegram.public_key_file is None for telegram in accounts.values()):
        findings.wrong(("telegram", "public_key_file"), "is missing: your own server is verified by its public key")


def _media(config: Config, places: Sequence[int], targets: Iterable[str], findings: Findings) -> None:
    """Alerts on files, as sources and tags configure them."""
    for tag, said in config.media.tags.items():
        _known(said.alert_targets or (), targets, "target", ("media", "tags", tag, "alert_targets"), findings)
    for index, source in zip(places, config.sources, strict=True):
        if source.enabled and (missing := source.find_missing()) is not None:
            findings.odd(("sources", index), missing)
        _known(source.alert_targets or (), targets, "target", ("sources", index, "alert_targets"), findings)
        if source.enabled and config.alerts_on(source) and not config.media_targets(source):
            message = f'alerts on files of "{source.name}" go nowhere: alert_targets and [defaults] targets are empty'
            findings.odd(("sources", index, "alert_on"), message)


def _names(given: Mapping[str, object], part: str, findings: Findings) -> dict[str, int]:
    """Names in one list, each with its first index; a second use is a mistake."""
    entries = given.get(part)
    found: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if isinstance(name, str) and found.setdefault(name, index) != index:
            findings.wrong((part, index, "name"), f'"{name}" is already the name of {part}[{found[name]}]')
    return found


def _tags(given: Mapping[str, object]) -> set[str] | None:
    """Every tag of every source; None if those of one cannot be read, because then any tag may exist."""
    entries = given.get("sources", [])
    found: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        tags = entry.get("tags", []) if isinstance(entry, Mapping) else None
        if not isinstance(tags, list):
            return None
        found |= {tag for tag in tags if isinstance(tag, str)}
    return found if entries else None


def _known(
    named: Iterable[str], known: Iterable[str], what: str, keys: KeyPath, findings: Findings, *, each: bool = True
) -> None:
    """Note the names that do not exist; `each` says that `keys` is a list of them."""
    for index, name in enumerate(named):
        if name not in known:
            missing = f'no source has the tag "{name}"' if what == "tag" else f'there is no {what} "{name}"'
            findings.wrong(
                (*keys, index) if each else keys, missing + (did_you_mean(name, known) or _list_known(known, what))
            )


def _list_known(known: Iterable[str], what: str) -> str:
    """The names that there are, for somebody who wrote one that resembles none of them."""
    shown = sorted(known)
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return f"; the {what}s are {one_of(shown[:5])}{more}" if shown else f"; the config names no {what}"


def _languages(config: Config, places: Sequence[int], findings: Findings) -> None:
    """Warn of what is no code of a language: no engine knows a language by its name."""
    for index, source in zip(places, config.sources, strict=True):
        for number, code in enumerate(source.languages):
            if not _LANGUAGE.fullmatch(code):
                hint = "a language is written as its ISO 639 code, such as en or my"
                findings.odd(("sources", index, "languages", number), f'no engine knows the language "{code}"; {hint}')


def _terms(config: Config, given: Mapping[str, object], places: Sequence[int], findings: Findings) -> dict[str, Term]:
    """Look at every phrase; the phrases of the terms that can be used."""
    phrases = config.phrases()
    written = given.get("terms")
    entries = written if isinstance(written, list) else []
    for index, term in zip(places, config.terms, strict=True):
        keys: KeyPath = ("terms", index)
        for code, found in term.languages.items():
            if not _LANGUAGE.fullmatch(code):
                hint = did_you_mean(code, OWN_KEYS) or "; a language is written as its ISO 639 code, such as en or my"
                findings.wrong((*keys, code), f"unknown key{hint}", at_key=True)
            for number, phrase in enumerate(found):
                if not any_of((phrase,)):
                    findings.wrong((*keys, code, number), "contains no letter or digit")
                    phrases.pop(term.name, None)
        for key, guards in (("not_after", term.not_after), ("not_before", term.not_before)):
            for number, guard in enumerate(guards):
                if not any_of((guard,)):
                    findings.wrong((*keys, key, number), "contains no letter or digit")
        if not any(term.languages.values()):
            phrases.pop(term.name, None)
            if not any(
                value for key, value in entries[index].items() if key not in OWN_KEYS
            ):  # else its own mistake is reported
                findings.wrong(keys, f'the term "{term.name}" has no phrase: add en = ["…"], my = ["…"]')
    return phrases


def _query(
    rule: RuleConfig, phrases: Mapping[str, Sequence[str]], keys: KeyPath, findings: Findings
) -> query.Query | None:
    try:
        parsed = query.parse(rule.query, terms=phrases)
    except query.QueryError as error:
        said = error.message if error.message[1:2].isupper() else error.message[:1].lower() + error.message[1:]
        findings.wrong((*keys, "query"), f'in the rule "{rule.name}": {said}', index=error.position)
        return None
    for warning in query.warnings(parsed):
        findings.odd((*keys, "query"), warning)
    return parsed


def _examples(config: Config, rule: RuleConfig, parsed: query.Query, keys: KeyPath, findings: Findings) -> None:
    for index, text in enumerate(rule.matches):
        if not _matches(config, rule, parsed, text):
            findings.wrong((*keys, "matches", index), f'the rule "{rule.name}" does not match this example')
    for index, text in enumerate(rule.not_matches):
        if _matches(config, rule, parsed, text):
            findings.wrong((*keys, "not_matches", index), f'the rule "{rule.name}" matches this example')


def _asked(
    queries: Sequence[tuple[int, str, query.Query]], known: Mapping[str, Iterable[str]], findings: Findings
) -> None:
    """Rules that need each other through `rule:` can never be decided; those that need an unknown name never match."""
    folded = {field: {name.casefold(): name for name in names} for field, names in known.items()}
    for index, _, parsed in queries:
        for field, name in unknown_names(parsed.root, folded):
            if not name.startswith(MEDIA_RULE):
                findings.odd(("rules", index, "query"), _MISSING[field].format(name) + did_you_mean(name, known[field]))
    numbers = find_circle([(name, parsed.root) for _, name, parsed in queries])
    if numbers:
        index, name, _ = queries[numbers[0]]
        way = " -> ".join(f'"{queries[number][1]}"' for number in numbers)
        findings.wrong(("rules", index, "query"), f'the rule "{name}" depends on its own matches through rule: {way}')


def _matches(config: Config, rule: RuleConfig, parsed: query.Query, text: str) -> bool:
    """Whether the query finds an example, as the body of a post of any source that the rule reads."""
    scope = [(source.name, source.tags, source.side, source.handle()) for source in config.rule_sources(rule)]
    spoken = language(text)
    body = match.DocumentText(0, "body", text, fold(text), spoken, None)
    return any(
        hits.evaluate(
            parsed,
            match.Document(
                0, name, frozenset(tags), side, None, None, spoken, frozenset(), None, (body,), handle=handle
            ),
        )
        is not None
        for name, tags, side, handle in dict.fromkeys(scope) or {("", rule.tags, None, None): None}
    )


def _private(config: Config, findings: Findings) -> None:
    if not config.http.allow_private_addresses:
        for host, port in config.named_hosts():
            if is_private(host):
                message = f"{host}:{port} is a private address and will be refused"
                findings.odd(("http",), f"{message}; allow it by [http] allow_private_addresses = true")


def _authority(config: Config, findings: Findings) -> None:
    path = config.http.ca_file
    if path is not None and not path.is_file():
        findings.odd(("http", "ca_file"), f"{path} is not there")

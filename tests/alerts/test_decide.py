from collections.abc import Sequence
from typing import Any

import pytest

from bot.alerts import decide
from bot.alerts.decide import Decided
from bot.alerts.loaded_rules import LoadedRules, rule_version
from bot.config.model import Config, RuleConfig
from bot.rules import Rule, RuleMatch, RuleSet
from storage.archive.sequence import take_number
from storage.language.match import Document
from storage.language.query import parse
from storage.posts import saving
from storage.records import Checked
from storage.sources import states

HOUR = 3_600_000_000


def deciding(
    tmp_path: Any, query: str = "command", targets: Sequence[str] | None = ("desk",), name: str = "fall"
) -> LoadedRules:
    rule = RuleConfig(name=name, query=query, targets=tuple(targets or ()))
    return LoadedRules.of(Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,)))


class DecideStage:
    """The decide stage over an archive; `rules` is loaded before anything is collected, unless `load` says later."""

    def __init__(self, line: Any, tmp_path: Any) -> None:
        self.line = line
        self.tmp_path = tmp_path
        self.rules = deciding(tmp_path)

    def load(self, rules: LoadedRules | None = None) -> None:
        self.rules = rules or self.rules
        with self.line.archive.writing() as writer:
            self.rules.declare(writer, self.line.now)

    def decide(self) -> Decided:
        with self.line.archive.writing() as writer:
            return decide.decide(writer, self.rules, self.line.now)

    def kinds(self) -> list[tuple[str, str, bool]]:
        rows = self.line.rows("select kind, why, alerting from matches order by id")
        return [(row["kind"], row["why"], bool(row["alerting"])) for row in rows]

    def say(self, text: str, native_id: str = "1", **more: Any) -> int:
        found: int = self.line.post(text, native_id, **more)
        self.decide()
        self.line.now += HOUR
        return found

    def delete(self, post_id: int) -> None:
        with self.line.archive.writing() as writer:
            for _ in range(2):
                self.line.now += HOUR
                missed = Checked("1", "absent", "embed page", control=True)
                saving.save_check(writer, post_id, missed, self.line.now, apart=1)
        self.decide()


@pytest.fixture
def desk(line: Any, tmp_path: Any) -> DecideStage:
    """First contact of the source is over and the rule is loaded."""
    with line.archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "replay", (), "junta")], line.now)
        writer.execute(f"update sources set first_contact_at = {line.now}, first_contact_seq = {take_number(writer)}")
    desk = DecideStage(line, tmp_path)
    desk.load()
    line.now += HOUR
    return desk


def test_a_new_post_that_matches_alerts_each_target_once(desk: DecideStage, line: Any, tmp_path: Any) -> None:
    desk.load(deciding(tmp_path, targets=("desk", "hook")))
    line.post("the northern command fell")
    line.post("nothing of note", native_id="2")
    decided = desk.decide()
    assert (decided.posts, decided.matches, decided.owed, decided.more) == (2, 1, 2, False)
    assert desk.kinds() == [("match", "new match", True)]
    assert [(row["target"], row["kind"], row["state"]) for row in line.rows()] == [
        ("desk", "match", "pending"),
        ("hook", "match", "pending"),
    ]
    assert desk.decide() == Decided()


def test_told_again_it_changes_nothing(desk: DecideStage, line: Any) -> None:
    post = desk.say("the northern command fell")
    desk.say("the northern command holds")
    desk.delete(post)
    before = line.rows("select * from matches"), line.rows()
    for _ in range(3):
        with line.archive.writing() as writer:
            writer.execute(
                f"insert into jobs (kind, post_id, slot, due_at, attempts) values ('decide', {post}, '', 0, 0)"
            )
        assert desk.decide().matches == 0
    assert (line.rows("select * from matches"), line.rows()) == before


def test_an_edit_of_what_matched_alerts_with_what_it_said(desk: DecideStage, line: Any) -> None:
    desk.say("Rain. The northern command has fallen. More later.")
    desk.say("Rain. The northern command has not fallen. More later.")
    assert desk.kinds() == [("match", "new match", True), ("edited", "what matched was edited", True)]
    assert line.rows("select before from matches order by id")[1]["before"] == "The northern command has fallen."


def test_an_edit_elsewhere_or_only_of_its_spelling_is_no_news(desk: DecideStage) -> None:
    desk.say("Rain. The northern command has fallen. More later.")
    desk.say("Sun. The northern command has fallen. Nothing more.\n\nJoin our channel")
    desk.say("Sun. THE  northern\u200b command has fallen.")
    assert [kind for kind, _, _ in desk.kinds()] == ["match"]


def test_words_that_are_taken_back_alert_once_and_again_when_they_return(desk: DecideStage) -> None:
    desk.say("The northern command has fallen.")
    desk.say("The garrison stands.")
    desk.say("The garrison stands firm.")
    desk.say("The northern command has fallen.")
    desk.say("The garrison stands.")
    assert [(kind, why) for kind, why, _ in desk.kinds()] == [
        ("match", "new match"),
        ("edited", "no longer matches"),
        ("edited", "what matched was edited"),
        ("edited", "no longer matches"),
    ]


def test_an_edit_that_makes_a_post_match_is_its_first_match(desk: DecideStage) -> None:
    desk.say("All quiet.")
    desk.say("The command fell.")
    assert desk.kinds() == [("match", "new match", True)]


def test_a_deletion_alerts_once_and_quotes_what_matched(desk: DecideStage, line: Any) -> None:
    post = desk.say("the northern command fell")
    desk.delete(post)
    assert desk.kinds() == [("match", "new match", True), ("deleted", "the post was deleted", True)]
    hits = [row["hits"] for row in line.rows("select hits from matches order by id")]
    assert hits[0] == hits[1] != "[]"


def test_a_post_that_was_gone_before_it_was_read_alerts_for_both(desk: DecideStage, line: Any) -> None:
    post = line.post("the northern command fell")
    desk.delete(post)
    assert [kind for kind, _, _ in desk.kinds()] == ["match", "deleted"]


@pytest.mark.parametrize(("contact", "reason"), [(True, "first contact"), (False, "backfill")])
def test_history_is_matched_but_alerts_nobody(desk: DecideStage, line: Any, contact: bool, reason: str) -> None:
    post = line.post("the northern command fell")
    with line.archive.writing() as writer:
        writer.execute("update posts set alerts = 0")
        if contact:
            writer.execute(
                f"update sources set first_contact_at = {line.now}, first_contact_seq = {take_number(writer)}"
            )
    desk.decide()
    assert desk.kinds() == [("match", reason, False)]
    desk.delete(post)
    assert desk.kinds()[1] == ("deleted", "first message never sent", False)
    assert line.rows() == []


@pytest.mark.parametrize(
    ("numbered", "age", "reason"),
    [
        (None, HOUR, "dated before the source was watched"),
        (None, -HOUR, "backfill"),  # the program knows no better
        (7, HOUR, "backfill"),
    ],
)
def test_a_post_that_comes_later_and_is_dated_from_before_is_no_backfill(
    desk: DecideStage, line: Any, numbered: int | None, age: int, reason: str
) -> None:
    line.post("nothing of note", native_id="0")
    with line.archive.writing() as writer:
        number = take_number(writer)
        writer.execute(f"update sources set first_contact_at = {line.now}, first_contact_seq = {number}")
    line.post("the northern command fell", posted_at=line.now - age, number=numbered)
    with line.archive.writing() as writer:
        writer.execute("update posts set alerts = 0")
    desk.decide()
    assert desk.kinds() == [("match", reason, False)]
    assert line.rows() == []


def test_a_rule_does_not_alert_about_posts_older_than_itself_even_when_it_is_changed(
    desk: DecideStage, line: Any, tmp_path: Any
) -> None:
    line.post("the northern command fell")
    line.now += HOUR
    desk.load(deciding(tmp_path, name="young"))
    desk.decide()
    assert desk.kinds() == [("match", "rule is younger than the post", False)]
    desk.load(deciding(tmp_path, query="command OR headquarters", name="young"))
    desk.say("the headquarters fell", native_id="2")
    assert desk.kinds()[1] == ("match", "new match", True)


@pytest.mark.parametrize("back", [1, HOUR, 24 * HOUR, 400 * 24 * HOUR])
def test_bad_input_75_a_clock_that_was_set_back_silences_no_rule_and_rings_for_no_old_post(
    desk: DecideStage, line: Any, tmp_path: Any, back: int
) -> None:
    line.post("the northern command fell", native_id="1")
    desk.load(deciding(tmp_path, name="young"))
    line.now -= back
    line.post("the southern command fell", native_id="2")
    line.now += back
    desk.decide()
    assert sorted(desk.kinds()) == [("match", "new match", True), ("match", "rule is younger than the post", False)]


def test_a_changed_rule_does_not_call_its_own_change_an_edit(desk: DecideStage, tmp_path: Any) -> None:
    desk.say("The northern command fell. The city holds.")
    desk.load(deciding(tmp_path, query="city"))
    desk.say("The northern command fell. The city holds. More later.")
    assert [kind for kind, _, _ in desk.kinds()] == ["match"]
    desk.say("All quiet. The city holds. More later.")
    assert [kind for kind, _, _ in desk.kinds()] == ["match", "edited"]


def test_a_rule_without_targets_is_a_saved_search(desk: DecideStage, line: Any, tmp_path: Any) -> None:
    desk.load(deciding(tmp_path, targets=None))
    desk.say("the northern command fell")
    assert desk.kinds() == [("match", "no targets", False)]
    assert line.rows() == []


def test_bad_input_66_a_post_that_breaks_the_rules_three_times_is_given_up_and_stops_no_other(
    desk: DecideStage, line: Any
) -> None:
    class Breaks(RuleSet):
        """A rule set with a mistake: one post breaks it."""

        def match(self, document: Document) -> tuple[RuleMatch, ...]:
            if any("poison" in text.text for text in document.texts):
                raise RecursionError("too deep")
            return super().match(document)

    broken = Breaks([Rule("fall", parse("command"), "v1")])
    desk.rules = LoadedRules(broken, desk.rules.alerting, desk.rules.loaded)
    line.post("poison command", native_id="1")
    line.post("the command fell", native_id="2")
    decided = [desk.decide()]
    for _ in range(3):
        line.now += HOUR
        decided.append(desk.decide())
    assert [(one.matches, one.failed) for one in decided] == [(1, 1), (0, 1), (0, 1), (0, 0)]
    assert "RecursionError" in line.rows("select reason from given_up")[0]["reason"]
    assert len(line.rows()) == 1


def test_a_version_names_query_and_scope_and_nothing_else() -> None:
    same = rule_version("a", ("x", "y"), ("s",))
    assert same == rule_version("a", ("y", "x"), ("s",))
    assert len({same, rule_version("b", ("x", "y"), ("s",)), rule_version("a", ("x",), ("y", "s"))}) == 3

"""What is news of a post that was there before us, or that a better reader has read again."""

from typing import Any

import pytest

from bot.alerts.loaded_rules import LoadedRules
from bot.config.model import Config, RuleConfig
from bot.sources.telegram_web.settings import Settings
from bot.sources.website import settings as website
from storage.archive.sequence import take_number
from storage.jobs import NewJob, enqueue, take_up
from storage.posts import rereading, texts
from storage.records import FetchedPost
from storage.sources import states
from tests.alerts.test_decide import HOUR, DecideStage

TARGET = ("desk",)


def rules(tmp_path: Any, **queries: str) -> LoadedRules:
    entries = tuple(RuleConfig(name=name, query=query, targets=TARGET) for name, query in queries.items())
    return LoadedRules.of(Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=entries))


@pytest.fixture
def stage(line: Any, tmp_path: Any) -> DecideStage:
    """A source whose first contact is over, and a rule that was loaded before anything came."""
    with line.archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "replay")], line.now)
        writer.execute(f"update sources set first_contact_at = {line.now}, first_contact_seq = {take_number(writer)}")
    made = DecideStage(line, tmp_path)
    made.load(rules(tmp_path, fall="command"))
    line.now += HOUR
    return made


def make_history(line: Any) -> None:
    """What is stored was there before first contact."""
    with line.archive.writing() as writer:
        writer.execute("update posts set alerts = 0")
        writer.execute(f"update sources set first_contact_at = {line.now}, first_contact_seq = {take_number(writer)}")


def read_again(line: Any, post_id: int, text: str, number: int = 1, **more: Any) -> None:
    """A better reader finds these words in the bytes of the post."""
    with line.archive.writing() as writer:
        [stored] = rereading.find_posts(writer, [post_id], number)
        post = FetchedPost(stored.native_id, stored.raw, text, posted_at=line.now, **more)
        rereading.save(writer, [rereading.Reread(stored, post)], number, line.now)


def decide_again(stage: DecideStage, post_id: int) -> None:
    """Something else than an edit asks for the rules: a transcript came."""
    with stage.line.archive.writing() as writer:
        enqueue(writer, [NewJob("decide", post_id, stage.line.now)])
    stage.decide()


def test_an_edit_that_puts_matching_words_into_history_alerts_as_an_edit(stage: DecideStage, line: Any) -> None:
    line.post("All quiet.")
    make_history(line)
    stage.decide()
    stage.say("All quiet. The command fell.")
    assert stage.kinds() == [("edited", "an edit put the words in", True)]
    stage.say("All quiet. The command held.")
    stage.say("All quiet.")
    assert [why for _, why, _ in stage.kinds()[1:]] == ["what matched was edited", "no longer matches"]
    assert [row["kind"] for row in line.rows()] == ["edited"] * 3


def test_words_that_a_post_said_only_between_two_decisions_alert_once(stage: DecideStage, line: Any) -> None:
    post_id = line.post("All quiet.")
    stage.decide()
    for text in ("The command fell.", "The command has fallen, they say.", "All quiet."):
        line.post(text)
    stage.decide()
    assert stage.kinds() == [("match", "new match", True), ("edited", "no longer matches", False)]
    assert [row["kind"] for row in line.rows()] == ["match"], "one message"
    decide_again(stage, post_id)
    assert len(stage.kinds()) == 2, "a repeat says nothing"
    stage.say("The command fell again.")
    assert stage.kinds()[2:] == [("edited", "what matched was edited", True)]


def test_words_that_a_new_post_said_before_it_was_first_decided_alert_once(stage: DecideStage, line: Any) -> None:
    for text in ("The command fell.", "All quiet."):
        line.post(text)
    stage.decide()
    assert stage.kinds() == [("match", "new match", True), ("edited", "no longer matches", False)]


def test_former_words_are_no_news_where_the_present_ones_match_or_the_last_ones_did(
    stage: DecideStage, line: Any
) -> None:
    line.post("All quiet.")
    stage.decide()
    line.post("The command fell.")
    line.post("The command fell at noon.")
    stage.decide()
    assert stage.kinds() == [("match", "new match", True)]
    line.post("The command holds.")
    line.post("All quiet.")
    stage.decide()
    assert stage.kinds()[1:] == [("edited", "no longer matches", True)], "of the words that were alerted"


@pytest.mark.parametrize(
    "looks",
    [
        [["All quiet."], ["The command fell.", "All quiet."]],
        [["The command fell."], ["All quiet."]],
        [["The command fell."], ["The command fell. Rain."], ["All quiet."]],
    ],
)
def test_former_words_ring_no_second_time_when_a_person_has_the_post_decided_again(
    stage: DecideStage, line: Any, looks: list[list[str]]
) -> None:
    for texts_of_look in looks:
        for text in texts_of_look:
            post_id = line.post(text)
        stage.decide()
    known = stage.kinds()
    assert [kind for kind, _, _ in known] == ["match", "edited"]
    with line.archive.writing() as writer:
        take_up(writer, NewJob("decide", post_id, line.now))
    stage.decide()
    assert stage.kinds() == known


def test_former_words_that_no_match_has_said_ring_when_a_person_takes_the_post_up(
    stage: DecideStage, line: Any
) -> None:
    stage.say("The command holds.")
    stage.say("All quiet.")
    post_id = line.post("The command fell.")
    line.post("All quiet.")
    with line.archive.writing() as writer:
        take_up(writer, NewJob("decide", post_id, line.now))
    stage.decide()
    assert stage.kinds()[2:] == [("edited", "what matched was edited", True), ("edited", "no longer matches", False)]


def test_former_words_in_history_are_an_edit_and_those_from_before_first_contact_alert_nobody(
    stage: DecideStage, line: Any
) -> None:
    line.post("The command fell.")
    line.post("All quiet.")
    make_history(line)
    stage.decide()
    assert stage.kinds() == []
    line.post("The command fell.")
    line.post("All quiet.")
    stage.decide()
    assert stage.kinds() == [("edited", "an edit put the words in", True), ("edited", "no longer matches", False)]


def test_of_several_edits_before_a_decision_all_words_are_new(stage: DecideStage, line: Any) -> None:
    line.post("All quiet.")
    make_history(line)
    stage.decide()
    line.post("The command fell.")
    line.post("The command fell. Rain.")
    stage.decide()
    assert stage.kinds() == [("edited", "an edit put the words in", True)]


@pytest.mark.parametrize(
    ("before", "after", "alerts"),
    [
        ("The command holds.", "The command holds. The command fell.", True),
        ("The command holds.", "The command has fallen.", False),
        ("The command holds.", "Rain. The command holds.", False),
        ("The command holds.", "The division holds.", True),
        ("The division holds.", "The division holds. The command fell.", True),
    ],
)
def test_words_of_history_that_stood_there_are_no_news_and_more_of_them_are(
    stage: DecideStage, line: Any, tmp_path: Any, before: str, after: str, alerts: bool
) -> None:
    stage.load(rules(tmp_path, fall="command OR division"))
    line.post(before)
    make_history(line)
    stage.decide()
    stage.say(after)
    assert stage.kinds()[0] == ("match", "first contact", False)
    assert bool(line.rows()) == alerts


def test_edits_of_history_alert_nobody_where_the_config_says_so(stage: DecideStage, line: Any, tmp_path: Any) -> None:
    quiet = Settings(name="spokesman", kind="telegram_web", channel="spokesman", alert_edits_of_history=False)
    rule = RuleConfig(name="fall", query="command", targets=TARGET)
    config = Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,), sources=(quiet,))
    stage.load(LoadedRules.of(config))
    line.post("All quiet.")
    make_history(line)
    stage.decide()
    stage.say("The command fell.")
    assert stage.kinds() == [("match", "first contact", False)]
    line.post("The division left.", native_id="2")
    stage.decide()
    stage.say("The command fell too.", native_id="2")
    assert stage.kinds()[1:] == [("match", "new match", True)]


@pytest.mark.parametrize(
    ("mode", "alerts", "first"),
    [("page", True, True), ("page", False, False), ("list", True, False)],
    ids=["a page", "a page whose edits are unwanted", "a list"],
)
def test_each_change_of_a_page_where_a_rule_looks_is_news_though_it_matched_from_the_start(
    stage: DecideStage, line: Any, tmp_path: Any, mode: str, alerts: bool, first: bool
) -> None:
    keys = {"mode": mode, "url": "https://town.example/sailings", "alert_edits_of_history": alerts}
    page = website.Settings.model_validate(keys | {"name": "spokesman", "kind": "website"})
    rule = RuleConfig(name="fall", query="command", targets=TARGET)
    stage.load(LoadedRules.of(Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,), sources=(page,))))
    line.post("The command holds. Rain.")
    make_history(line)
    stage.decide()
    for text in ("The command holds. Sun.", "The command has fallen. Sun.", "The command is back. Sun."):
        stage.say(text)
    assert [alerted for _, _, alerted in stage.kinds()] == [False, first, first]


def test_an_edit_of_a_post_that_is_older_than_the_rule_alerts_as_an_edit(
    stage: DecideStage, line: Any, tmp_path: Any
) -> None:
    stage.say("Rain. The division stays.")
    stage.load(rules(tmp_path, fall="command", leave="division OR army"))
    stage.say("Sun. The division stays.")
    stage.say("Sun. The division stays. The army left.")
    assert stage.kinds() == [
        ("match", "rule is younger than the post", False),
        ("edited", "an edit put the words in", True),
    ]


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("history", [True, False])
def test_an_edit_that_waits_for_its_decision_does_not_ring_a_rule_that_is_loaded_meanwhile(
    stage: DecideStage, line: Any, tmp_path: Any, *, decided: bool, history: bool
) -> None:
    line.post("All quiet.")
    if history:
        make_history(line)
    if decided:
        stage.decide()
    line.post("All quiet. The army left.")
    stage.load(rules(tmp_path, fall="command", leave="army"))
    stage.decide()
    first = ("match", "first contact" if history else "rule is younger than the post", False)
    assert stage.kinds() == [first]
    stage.say("All quiet. The army left. The army came back.")
    assert stage.kinds() == [first, ("edited", "an edit put the words in", True)]
    assert line.rows("select * from undecided") == []


@pytest.mark.parametrize("decided", [True, False])
def test_of_edits_before_and_after_a_rule_was_loaded_only_the_later_ones_are_news_for_it(
    stage: DecideStage, line: Any, tmp_path: Any, *, decided: bool
) -> None:
    line.post("All quiet. The command holds.")
    if decided:
        stage.decide()
    line.post("The army left. The command fell.")
    stage.load(rules(tmp_path, fall="command", leave="army", hold="hold", gone="left"))
    line.post("The army left, they say. The command fell. They hold.")
    stage.load(rules(tmp_path, fall="command", leave="army", hold="hold", gone="left", late="hold OR say OR fell"))
    line.post("The army left, they say. The command fell. They hold the town.")
    stage.decide()
    rang = {(row["rule"], row["kind"]) for row in line.rows("select rule, kind from matches where alerting = 1")}
    assert rang == {("fall", "match"), ("hold", "edited")} | ({("fall", "edited")} if decided else set())


def test_words_that_only_a_better_reader_sees_alert_nobody_whatever_asks_for_the_rules(
    stage: DecideStage, line: Any
) -> None:
    post = stage.say("All quiet.")
    read_again(line, post, "All quiet. The command fell.")
    assert stage.decide().posts == 0
    decide_again(stage, post)
    decide_again(stage, post)
    assert stage.kinds() == [("match", "only a better reader sees it", False)]
    assert line.rows() == []


def test_an_edit_after_that_is_compared_with_what_the_better_reader_read(stage: DecideStage, line: Any) -> None:
    post = stage.say("All quiet.")
    read_again(line, post, "All quiet. The command fell.")
    stage.say("Rain. The command fell.")
    assert stage.kinds() == [("match", "only a better reader sees it", False)]
    stage.say("Rain. The command fell. The command is lost.")
    assert stage.kinds()[1:] == [("edited", "an edit put the words in", True)]


def test_a_sentence_that_a_better_reader_reads_otherwise_is_no_edit(stage: DecideStage, line: Any) -> None:
    post = stage.say("The command fell")
    read_again(line, post, "The command fell yesterday")
    decide_again(stage, post)
    stage.say("The command fell yesterday\nMore later")
    assert stage.kinds() == [("match", "new match", True)]
    stage.say("The command fell today\nMore later")
    assert stage.kinds()[1:] == [("edited", "what matched was edited", True)]
    assert line.rows("select before from matches order by id")[1]["before"] == "The command fell yesterday"


def test_words_that_the_better_reader_does_not_give_to_the_post_are_no_loss(stage: DecideStage, line: Any) -> None:
    post = stage.say("The command fell. Rain.")
    read_again(line, post, "Rain.")
    decide_again(stage, post)
    assert [kind for kind, _, _ in stage.kinds()] == ["match"]
    stage.say("Rain. The command fell again.")
    assert stage.kinds()[1:] == [("edited", "what matched was edited", True)]


def test_a_transcript_of_a_post_that_was_read_again_is_news(stage: DecideStage, line: Any) -> None:
    post = stage.say("All quiet.")
    read_again(line, post, "All quiet. More below.")
    with line.archive.writing() as writer:
        made = texts.MachineText("transcript", "The command fell.", None, 0.9, "ears", "")
        texts.save_machine_text(writer, None, made, post_id=post)
    decide_again(stage, post)
    assert stage.kinds() == [("match", "new match", True)]


def test_a_person_who_asks_for_the_rules_gets_what_the_better_reader_sees(stage: DecideStage, line: Any) -> None:
    post = stage.say("All quiet.")
    read_again(line, post, "All quiet. The command fell.")
    with line.archive.writing() as writer:
        take_up(writer, NewJob("decide", post, line.now))
    stage.decide()
    assert stage.kinds() == [("match", "new match", True)]


@pytest.mark.parametrize(
    ("after", "alerts"), [("The K.I.A. left. Rain.", False), ("The K.I.A. left. The KIA is back.", True)]
)
def test_words_that_only_a_better_folding_finds_are_no_news_of_an_edit(
    stage: DecideStage, line: Any, tmp_path: Any, after: str, alerts: bool
) -> None:
    stage.load(rules(tmp_path, fall="KIA"))
    line.post("The K.I.A. left.")
    stage.decide()
    with line.archive.writing() as writer:  # as an older version left it, which did not find the word
        writer.execute("delete from deliveries")
        writer.execute("delete from matches")
        writer.execute("insert into posts_index (posts_index) values ('delete-all')")
        writer.execute("update texts set fold_version = 1, folded = 'the k i a left', packed = null")
        writer.execute("insert into posts_index (posts_index) values ('rebuild')")
    stage.say(after)
    assert [(kind, alerting) for kind, _, alerting in stage.kinds()] == [("match", alerts)]
    assert bool(line.rows()) == alerts

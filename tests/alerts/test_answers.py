"""Acknowledgements and verdicts: who said what of an alert, as the program itself stores and shows it."""

import json
import pwd
from os import getuid
from typing import Any

from storage.answers import acks, verdicts
from storage.answers.verdicts import VerdictCounts
from storage.records import Acked


def place(line: Any, event: int, *posts: int) -> None:
    """Let these posts be one event."""
    with line.archive.writing() as writer:
        writer.execute(
            "INSERT OR IGNORE INTO events (id, opened_at, newest_at) VALUES (:event, 1, 1)", {"event": event}
        )
        for post in posts:
            writer.execute(
                "INSERT INTO event_posts (post_id, event_id, reason, at) VALUES (:post, :event, 'words', 1)"
                " ON CONFLICT (post_id) DO UPDATE SET event_id = :event",
                {"post": post, "event": event},
            )


def test_the_first_who_takes_up_an_alert_has_it(program: Any, line: Any) -> None:
    alert = line.match(line.post())
    assert program("alerts", "ack", str(alert), "--by", "anna") == (0, f"alert {alert} is acknowledged by anna\n", "")
    code, out, err = program("alerts", "ack", str(alert), "--by", "boris")
    assert (code, err) == (0, "")
    assert f"alert {alert} was acknowledged before, by anna, " in out
    told = json.loads(program("alerts", "ack", str(alert), "--by", "boris", "--json")[1])
    assert (told["id"], told["acked"]["by"], told["first"]) == (str(alert), "anna", False)
    assert len(line.rows("SELECT * FROM acks")) == 1


def test_what_nobody_has_acknowledged_is_listed_as_such_with_every_copy_of_it(program: Any, line: Any) -> None:
    posts = [line.post(f"the command fell {number}", str(number)) for number in range(4)]
    one, copy, other = (line.match(post) for post in posts[:3])
    line.match(posts[3], targets=())  # it alerted nobody
    place(line, posts[0], *posts[:2])

    def listed(*words: str) -> list[str]:
        return [row["id"] for row in json.loads(program("alerts", "list", "--unacked", *words, "--json")[1])]

    assert listed() == [str(other), str(copy), str(one)]
    program("alerts", "ack", str(one))
    assert listed() == [str(other)]
    assert listed("--rule", "smoke") == []
    assert program("alerts", "list", "--unacked", "--undelivered")[0] == 2


def test_without_a_name_it_is_the_user_of_the_system(program: Any, line: Any) -> None:
    alert = line.match(line.post())
    name = pwd.getpwuid(getuid()).pw_name
    assert program("alerts", "ack", str(alert))[1] == f"alert {alert} is acknowledged by {name}\n"


def test_a_name_is_one_safe_line_and_never_empty(program: Any, line: Any) -> None:
    alert = line.match(line.post())
    assert program("alerts", "ack", str(alert), "--by", " \n ")[0] == 2
    assert "\x1b" not in program("alerts", "ack", str(alert), "--by", "an\x1b[2Jna\nb" + "x" * 999)[1]
    assert "\x1b" not in program("alerts", "list")[1] + program("alerts", "why", str(alert))[1]
    [row] = line.rows("SELECT who FROM acks")
    assert len(row["who"]) <= 120
    assert "\n" not in row["who"]


def test_there_is_nothing_to_answer_where_there_is_no_alert(program: Any, line: Any) -> None:
    for words in (("ack", "999"), ("verdict", "999", "noise"), ("ack", str(1 << 80))):
        code, _, err = program("alerts", *words)
        assert code == 3
        assert "there is no alert" in err


def test_an_acknowledgement_covers_every_alert_about_the_event(program: Any, line: Any) -> None:
    first, copy, other = (line.post(native_id=number) for number in "123")
    place(line, first, first, copy)
    place(line, other, other)
    alert = line.match(first)
    sisters = [line.match(first, rule="other rule"), line.match(copy), line.match(first, kind="edited")]
    stranger = line.match(other)
    program("alerts", "ack", str(alert), "--by", "anna")
    with line.archive.reading() as reader:
        assert [acks.find_ack(reader, one) for one in sisters] == [Acked("anna", line_now(line))] * 3
        assert acks.find_ack(reader, stranger) is None
    told = {one["id"]: one["acked"] for one in json.loads(program("alerts", "list", "--json")[1])}
    assert [told[str(one)]["by"] for one in (alert, *sisters)] == ["anna"] * 4
    assert told[str(stranger)] is None
    assert "was acknowledged before, by anna" in program("alerts", "ack", str(sisters[1]), "--by", "boris")[1]


def line_now(line: Any) -> int:
    [row] = line.rows("SELECT at FROM acks")
    return int(row["at"])


def test_a_copy_that_is_split_off_is_not_acknowledged(program: Any, line: Any) -> None:
    first, copy = line.post(native_id="1"), line.post(native_id="2")
    alert, of_copy = line.match(first), line.match(copy)
    program("alerts", "ack", str(alert), "--by", "anna")
    assert program("events", "split", str(copy))[0] == 0
    with line.archive.reading() as reader:
        assert acks.find_ack(reader, of_copy) is None
        assert acks.find_ack(reader, alert) is not None


def test_list_why_and_show_say_who_has_it(program: Any, line: Any) -> None:
    post = line.post()
    alert = line.match(post)
    program("alerts", "ack", str(alert), "--by", "anna")
    program("alerts", "verdict", str(alert), "noise", "--by", "boris")
    assert "desk: pending; acknowledged by anna" in program("alerts", "list")[1]
    why = program("alerts", "why", str(alert))[1]
    assert "acknowledged by anna" in why
    assert "noise for boris" in why
    assert "acknowledged by anna" in program("show", str(post))[1]
    [match] = json.loads(program("show", str(post), "--json")[1])["matches"]
    assert (match["alert"], match["acked"]["by"]) == (str(alert), "anna")


def test_the_last_word_of_a_person_counts(program: Any, line: Any) -> None:
    alert = str(line.match(line.post()))
    assert (
        program("alerts", "verdict", alert, "useful", "--by", "anna")[1]
        == f"alert {alert} of fire is useful for anna\n"
    )
    assert program("alerts", "verdict", alert, "useful", "--by", "anna")[1].endswith("for anna, as said before\n")
    program("alerts", "verdict", alert, "noise", "--by", "anna")
    assert [
        (one["by"], one["verdict"]) for one in json.loads(program("alerts", "why", alert, "--json")[1])["verdicts"]
    ] == [("anna", "noise")]
    assert program("alerts", "verdict", alert, "great")[0] == 2


def counted(line: Any) -> VerdictCounts:
    with line.archive.reading() as reader:
        found: dict[str, VerdictCounts] = verdicts.count_verdicts(reader, 0)
        return found["fire"]


def test_an_event_counts_once_whatever_was_said_of_its_copies(line: Any) -> None:
    first, copy, other = (line.post(native_id=number) for number in "123")
    place(line, first, first, copy)
    place(line, other, other)
    alert, of_copy, of_other = line.match(first), line.match(copy), line.match(other)
    assert counted(line) == VerdictCounts(0, 0, 2)
    with line.archive.writing() as writer:
        verdicts.judge_alert(writer, of_copy, "anna", "noise", 1)
        assert verdicts.list_unjudged(writer, "fire", 0) == [of_other]
    assert counted(line) == VerdictCounts(0, 1, 1)
    with line.archive.writing() as writer:
        verdicts.judge_alert(writer, alert, "boris", "useful", 2)
    assert counted(line) == VerdictCounts(1, 0, 1), "useful to one is useful"
    with line.archive.writing() as writer:
        verdicts.judge_alert(writer, of_copy, "boris", "noise", 3)
        assert verdicts.list_judged(writer, "fire") == [(copy, False)]
    assert counted(line) == VerdictCounts(0, 1, 1), "the last word of boris was noise"


def test_a_verdict_is_of_one_version_of_the_rule(line: Any) -> None:
    post = line.post()
    alert = line.match(post)
    with line.archive.writing() as writer:
        verdicts.judge_alert(writer, alert, "anna", "noise", 1)
        writer.execute("UPDATE matches SET rule_version = 'v0'")
    line.match(post)
    assert counted(line) == VerdictCounts(0, 1, 1)


def test_what_alerted_nobody_is_not_asked_about(line: Any) -> None:
    line.match(line.post(), ())
    with line.archive.reading() as reader:
        assert verdicts.count_verdicts(reader, 0) == {}
        assert verdicts.list_unjudged(reader, "fire", 0) == []

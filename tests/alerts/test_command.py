"""`communique alerts`, as the program itself runs it."""

import json
from pathlib import Path
from typing import Any

import pytest

from storage.alerts import claiming, outbox, rules, target_states
from storage.alerts.settlement import Settlement
from tests.bot_api import TOKEN


@pytest.fixture
def alert(line: Any) -> int:
    with line.archive.writing() as writer:
        rules.save_versions(writer, [("fire", "v1", "command")], line.now)
    found: int = line.match(line.post("the northern \x1b[2Jcommand fell"))
    return found


def configured(directory: Path, target: str) -> None:
    (directory / "token").write_text(TOKEN, encoding="utf-8")
    (directory / "token").chmod(0o600)
    (directory / "config.toml").write_text(
        f'[http]\nallow_private_addresses = true\n[[targets]]\nname = "desk"\n{target}\n', encoding="utf-8"
    )


def test_the_list_is_the_same_in_every_form(run: Any, line: Any, alert: int) -> None:
    code, out, _ = run("list", "--json")
    documents = json.loads(out)
    assert code == 0
    assert documents[0]["id"] == str(alert)
    assert documents[0]["rule"] == "fire"
    assert documents[0]["deliveries"][0]["state"] == "pending"
    assert json.loads(run("list", "--jsonl")[1]) == documents[0]
    assert run("list", "--csv")[1].splitlines()[1].startswith(f'"{alert}"')
    assert run("list")[1].splitlines()[1].split("\t")[0] == str(alert)
    assert run("list", "--state", "sent", "--json")[1].strip() == "[]"


def test_why_tells_rule_place_form_decision_and_deliveries(run: Any, line: Any, alert: int) -> None:
    with line.archive.writing() as writer:
        claimed = claiming.claim(writer, "desk", line.now)
        assert claimed is not None
        outbox.settle(writer, claimed.row.id, Settlement("dead", 3, reason="token *** refused"), line.now)
    code, out, _ = run("why", str(alert))
    assert code == 0
    for words in (
        "fire, match",
        "query      command",
        "body 17-24, as “command”",
        "alerted: new match",
        "dead",
        "3 attempts",
    ):
        assert words in out
    assert "\x1b" not in out
    told = json.loads(run("why", str(alert), "--json")[1])
    assert told["found"] == [{"in": "body", "text": "command", "form": "command", "start": 17, "end": 24}]


def test_an_alert_that_does_not_exist_is_a_sentence_and_exit_3(run: Any, alert: int) -> None:
    for words in (("why", "999"), ("retry", "999"), ("why", str(1 << 70))):
        code, _, err = run(*words)
        assert code == 3
        assert "there is no alert" in err
    assert run("retry")[0] == 2
    assert run("retry", "1", "--dead")[0] == 2


def test_retry_makes_it_due_again_and_opens_the_target(run: Any, line: Any, alert: int) -> None:
    with line.archive.writing() as writer:
        target_states.mark_target(writer, "desk", "parked", "blocked", line.now)
    code, out, _ = run("retry", str(alert))
    assert (code, out) == (0, "1 message queued again\ntargets resumed: desk\n")


def test_a_target_is_tested_for_real(run: Any, line: Any, alert: int, bot_api: Any, tmp_path: Path) -> None:
    configured(tmp_path, f'kind = "telegram"\ntoken_file = "token"\nchat = 7\napi_base = "{bot_api.base}"')
    with line.archive.writing() as writer:
        target_states.mark_target(writer, "desk", "parked", "blocked", line.now)
        writer.execute(f"UPDATE deliveries SET not_before = {1 << 60}")
    code, out, err = run("test", "desk")
    assert (code, err) == (0, "")
    assert all(row["not_before"] < 1 << 60 for row in line.rows()), "what waited for it is due"
    assert "the target is resumed" in out
    assert "a test message for desk" in bot_api.said[0].text
    bot_api.blocked = True
    code, _, err = run("test", "desk")
    assert code == 5
    assert "blocked by the user" in err
    bot_api.blocked = False
    bot_api.fail_with = [(502, "Bad Gateway")]
    assert run("test", "desk", "--json")[0] == 1
    assert run("test", "dsek")[0] == 2


def test_the_console_is_tested_on_stdout_before_anything_was_collected(run: Any, tmp_path: Path, line: Any) -> None:
    line.archive.close()
    (tmp_path / "data" / "communique.db").unlink()
    configured(tmp_path, 'kind = "console"')
    code, out, _ = run("test", "desk")
    assert code == 0
    assert "Communiqué test: a test message for desk" in out


def test_retry_takes_what_waits_and_says_why_nothing_is_sent(run: Any, line: Any, alert: int) -> None:
    with line.archive.writing() as writer:
        writer.execute(f"UPDATE deliveries SET state = 'pending', not_before = {1 << 60}")
    code, out, _ = run("retry", str(alert))
    assert (code, out) == (0, "1 message queued again\n")
    assert all(row["not_before"] < 1 << 60 for row in line.rows())
    with line.archive.writing() as writer:
        writer.execute(f"UPDATE deliveries SET state = 'sent', settled_at = {line.now}")
    code, out, said = run("retry", str(alert))
    assert (code, out) == (3, "")
    assert said.startswith(f"nothing to send again: alert {alert} was sent to desk 20")
    code, out, said = run("retry", "--dead")
    assert (code, out) == (3, "")
    assert said.startswith("nothing to send again: ")

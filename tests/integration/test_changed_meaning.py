"""Rules that an older version of the query language read in another way, with the real program."""

from tests.desk import Desk

CONFIG = """
[[sources]]
name = "past"
kind = "replay"
path = "posts.jsonl"
[[targets]]
name = "screen"
kind = "console"
[[rules]]
name = "exact"
query = "=Command OR KIA"
targets = ["screen"]
[[rules]]
name = "same"
query = "command"
targets = ["screen"]
"""
SAID = (
    'the rule "exact" means something else since this version: '
    "= compares words as they are written, case and accents included; initials are found with dots too"
)


def test_rules_whose_meaning_changed_are_said_once_by_run_and_always_by_the_check(desk: Desk) -> None:
    (desk.directory / "posts.jsonl").touch()
    desk.write(CONFIG)
    assert "means something else" not in desk.run("run", "--once").stderr
    with desk.archive as archive, archive.writing() as writer:
        writer.execute("UPDATE rules SET language_version = 1")
        writer.execute("DELETE FROM meta WHERE key = 'language_version'")
    assert f"rules[0].query: {SAID}\n" in desk.run("config", "check").stderr
    started = desk.run("run", "--once").stderr
    assert started.count("means something else") == 1
    assert f"warning: {SAID}" in started
    assert "means something else" not in desk.run("run", "--once").stderr
    assert SAID in desk.run("config", "check").stderr
    desk.write(CONFIG.replace("=Command OR KIA", "KIA OR =Command"))
    assert "means something else" not in desk.run("config", "check").stderr

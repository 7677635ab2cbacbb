"""A config file that the program changes for a person: comments, order and everything else stay."""

import tomllib

import pytest

from bot.config.editing import add_entries, remove_entry, rename_entry, write_entry

WRITTEN = """\
# our desk
[defaults]
every = "2m"   # often enough

[[sources]]
name = "desk"  # theirs
kind = "feed"
url = "https://desk.example/feed"
# the ministry follows
[[sources]]
name = "ministry"
kind = "feed"
url = "https://ministry.example/feed"
[[rules]]
name = "storm"
query = "storm"
sources = ["desk", "ministry"]
"""


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_an_added_entry_follows_the_last_of_its_section_and_nothing_else_changes() -> None:
    changed = add_entries(
        WRITTEN, "sources", [{"name": "pier", "kind": "bluesky", "actor": "pier.example", "tags": ["a"]}]
    )
    assert [source["name"] for source in tomllib.loads(changed)["sources"]] == ["desk", "ministry", "pier"]
    added = set(lines(changed)) - set(lines(WRITTEN))
    assert added == {'name = "pier"', 'kind = "bluesky"', 'actor = "pier.example"', 'tags = ["a"]'}
    assert [line for line in lines(changed) if line not in added and line != "[[sources]]"] == [
        line for line in lines(WRITTEN) if line != "[[sources]]"
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", '[defaults]\nevery = "2m"\n'])
def test_the_first_entry_of_a_section_comes_at_the_end(text: str) -> None:
    changed = add_entries(text, "sources", [{"name": "a", "kind": "feed"}, {"name": "b", "kind": "feed"}])
    assert changed.startswith(text.rstrip())
    assert [source["name"] for source in tomllib.loads(changed)["sources"]] == ["a", "b"]


def test_hostile_values_cannot_leave_their_place() -> None:
    name = 'x"\n[[targets]]\nname = "evil'
    assert tomllib.loads(write_entry("sources", {"name": name, "kind": "feed"})) == {
        "sources": [{"name": name, "kind": "feed"}]
    }


def test_a_renamed_entry_says_what_it_was_and_rules_follow() -> None:
    found = tomllib.loads(rename_entry(WRITTEN, "sources", "desk", "office", [("rules", "sources")]))
    assert (found["sources"][0]["name"], found["sources"][0]["was"]) == ("office", "desk")
    assert found["rules"][0]["sources"] == ["office", "ministry"]


def test_a_removed_entry_is_gone_and_the_others_stay() -> None:
    changed = remove_entry(WRITTEN, "sources", "desk")
    assert [source["name"] for source in tomllib.loads(changed)["sources"]] == ["ministry"]
    assert "# often enough" in changed
    with pytest.raises(KeyError):
        remove_entry(WRITTEN, "sources", "nobody")

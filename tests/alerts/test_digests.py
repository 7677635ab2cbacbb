from typing import Any

from storage.alerts import digests


def digest(line: Any, kind: Any = "quiet", target: str = "desk") -> int:
    """Make a digest of everything that is pending at a target."""
    ids = [row["id"] for row in line.rows() if row["state"] == "pending" and row["target"] == target]
    with line.archive.writing() as writer:
        return digests.make(writer, target, kind, (line.now - 1, line.now), ids, line.now)


def test_a_digest_settles_what_it_lists_and_is_sent_itself(line: Any, told: Any) -> None:
    desk = told("desk")
    posts = [line.post(native_id=str(number)) for number in range(3)]
    for post in posts:
        line.match(post)
    line.match(posts[0], rule="water")
    made = digest(line)
    assert line.states() == ["digested"] * 4 + ["pending"]
    assert line.drain(desk).sent == 1
    assert line.states() == ["digested"] * 4 + ["sent"]
    data = desk.got[0].document["data"]
    assert (data["total"], [post["id"] for post in data["posts"]]) == (4, [str(post) for post in posts])
    with line.archive.reading() as reader:
        assert digests.find_last(reader, "desk", "quiet") == digests.read_digest(reader, made)
        assert digests.find_last(reader, "desk", "limit") is None


def test_a_digest_takes_nothing_that_is_settled_already(line: Any, told: Any) -> None:
    desk = told("desk")
    line.match(line.post())
    line.drain(desk)
    with line.archive.writing() as writer:
        made = digests.make(writer, "desk", "quiet", (line.now - 1, line.now), [1], line.now)
        found = digests.read_digest(writer, made)
        assert found is not None
        assert found.total == 0
    assert line.states() == ["sent", "pending"]


def test_more_messages_than_one_digest_may_hold_make_two(line: Any) -> None:
    post, wanted = line.post(), digests.MOST + 7
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :wanted)"
    with line.archive.writing() as writer:
        writer.execute(
            f"{numbers} INSERT INTO matches (rule, rule_version, post_id, document_hash, kind, at, hits, alerting, why)"
            " SELECT 'fire', 'v1', :post, i, 'match', 1, '[]', 1, 'new match' FROM n",
            {"wanted": wanted, "post": post},
        )
        writer.execute(
            "INSERT INTO deliveries (match_id, target, kind, payload, state, not_before, attempts, possible_repeat,"
            " created_at) SELECT id, 'desk', 'match', '{}', 'pending', 1, 0, 0, 1 FROM matches"
        )
        held = writer.column("SELECT id FROM deliveries")
        totals = []
        for _ in range(2):
            made = digests.read_digest(writer, digests.make(writer, "desk", "limit", (1, 2), held, line.now))
            assert made is not None
            totals.append(made.total)
            held = writer.column("SELECT id FROM deliveries WHERE state = 'pending' AND kind = 'match'")
    assert (totals, held) == ([digests.MOST, 7], [])

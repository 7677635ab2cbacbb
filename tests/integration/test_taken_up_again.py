"""What was given up is announced once, with the command that takes it up again; and that command does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from storage import jobs
from storage.archive.database import Writer
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states
from tests.desk import Desk, Sink, Until

CONFIG = """
[http]
allow_private_addresses = true

[[sources]]
name = "spokesman"
kind = "replay"
path = "posts.jsonl"

[[rules]]
name = "command"
query = "command"
targets = ["hook"]

[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
health = true
"""
LATER = 60_000_000


def given_up(desk: Desk, *numbers: int, kind: str = "decide") -> list[int]:
    """Posts of the spokesman that came after the rules were loaded, and of which a job was given up."""

    def store(writer: Writer) -> list[int]:
        source = states.find_source(writer, "spokesman")
        assert source is not None
        assert source.first_contact_at is not None
        now = writer.value("SELECT max(loaded_at) FROM rules") + LATER
        posts = [
            FetchedPost(str(number), Raw(b"%d" % number, "text/plain"), f"The command fell, {number}.", posted_at=now)
            for number in numbers
        ]
        saved = saving.save(writer, source.id, Batch(posts=tuple(posts)), now=now, method="test", alerts=True)
        for post in saved.new:
            jobs.enqueue(writer, [jobs.NewJob(kind, post, now)])
        for job, which in writer.execute("SELECT id, kind FROM jobs").fetchall():
            if which == kind:
                jobs.give_up(writer, job, now, "a rule broke on it: RecursionError")
            else:
                jobs.finish(writer, [job])
        return list(saved.new)

    with desk.archive as archive, archive.writing() as writer:
        return store(writer)


@contextmanager
def begun(desk: Desk, sink: Sink) -> Iterator[Desk]:
    (desk.directory / "posts.jsonl").touch()
    desk.write(CONFIG.format(hook=sink.url))
    desk.run("run", "--once")
    yield desk


def alerts(sink: Sink) -> list[str]:
    return [body["data"]["post"]["native_id"] for _, body in sink.received if body["type"] == "match"]


def test_a_post_that_was_given_up_is_announced_once_and_decided_by_the_command_of_the_message(
    desk: Desk, sink: Sink
) -> None:
    with begun(desk, sink):
        [post] = given_up(desk, 1)
        done = desk.run("run", "--once")
        desk.run("run", "--once")
        [said] = sink.health()
        assert said == (
            f"the rules could not be run on post {post} (spokesman/1): a rule broke on it: RecursionError;"
            f" to try again, run `communique rules decide {post}`"
        )
        assert said in done.stderr
        assert "next: communique rules decide --given-up" in desk.run("status").stdout
        answer = desk.run("rules", "decide", "spokesman/1").stdout
        assert answer == "1 post decided, 1 new match\n  alert 1: command (match), to hook\n"
        assert json.loads(desk.run("status", "--json").stdout)["queues"]["given_up"]["waiting"] == 0
        desk.run("run", "--once")
        assert alerts(sink) == ["1"]
        assert desk.run("rules", "decide", str(post)).stdout == "1 post decided, 0 new matches\n"


def test_many_are_announced_together_and_decided_together_by_the_running_daemon(
    desk: Desk, sink: Sink, until: Until
) -> None:
    with begun(desk, sink):
        first, *_ = given_up(desk, *range(1, 21))
        desk.start("run")
        until(sink.health, "the health message")
        [said] = sink.health()
        assert said.startswith(f"the rules could not be run on posts {first} and 19 more: a rule broke")
        assert said.endswith("run `communique rules decide --given-up`")
        answer = json.loads(desk.run("rules", "decide", "--given-up", "--json").stdout)
        assert (len(answer["posts"]), answer["waiting"], len(answer["alerts"])) == (20, 0, 20)
        until(lambda: len(alerts(sink)) == 20, "the alerts")
        assert len(sink.health()) == 1


def test_a_recheck_that_was_given_up_is_announced_with_its_own_command(desk: Desk, sink: Sink) -> None:
    with begun(desk, sink):
        [post] = given_up(desk, 1, kind="recheck")
        desk.run("run", "--once")
        assert f"`communique sources recheck {post}`" in sink.health()[0]
        answer = desk.run("sources", "recheck", "--given-up").stdout
        assert answer == "1 post queued for another look; `communique run` does it\n"
        desk.run("sources", "recheck", "--given-up", code=3)


def test_a_post_that_does_not_exist_is_exit_code_3(desk: Desk, sink: Sink) -> None:
    with begun(desk, sink):
        assert desk.run("rules", "decide", "nobody/1", code=3).stderr == "no post nobody/1\n"
        desk.run("rules", "decide", "--given-up", code=3)
        desk.run("sources", "recheck", "99", code=3)
        desk.run("rules", "decide", code=2)

"""A server that repeats a token in its refusals: the token reaches no message, no screen, no line and no file."""

from bot.world import World, run_in_thread
from tests.bot_api import TOKEN, serving
from tests.desk import Desk, Sink

CONFIG = """
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
[[sources]]
name = "spokesman_office"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["bot"]
[[targets]]
name = "bot"
kind = "telegram"
token_file = "token"
chat = 7
api_base = "{api}"
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
health = true
"""
HALF = TOKEN.partition(":")[2]


def test_a_token_that_the_other_side_repeats_is_shown_and_written_nowhere(desk: Desk, sink: Sink) -> None:
    world = World()
    world.open_channel("spokesman_office", "spokesman office")
    world.publish("spokesman_office", "Nothing new.")
    token = desk.directory / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    with run_in_thread(world) as address, serving() as api:
        desk.write(CONFIG.format(world=address, api=api.base, hook=sink.url))
        desk.run("run", "--once")
        api.fail_with = [(400, f"Bad Request: bot{TOKEN} may not say that"), (403, f"Forbidden: {HALF} was blocked")]
        for number in (1, 2):
            world.publish("spokesman_office", f"The regional command is quiet on day {number}.")
        journal = desk.run("run", "--once", code=None).stderr
    assert api.fail_with == []
    dead = desk.run("alerts", "list", "--state", "dead", "--json").stdout + desk.run("alerts", "why", "1").stdout
    messages = str(sink.received)
    status = desk.run("status", code=None).stdout + desk.run("status", "--json", code=None).stdout
    for shown in (journal, dead, messages, status):
        assert "***" in shown
        assert HALF not in shown
    written = {path.name for path in (desk.directory / "data").rglob("*") if path.is_file()}
    assert "communique.db" in written
    for path in (desk.directory / "data").rglob("*"):
        assert not path.is_file() or HALF.encode() not in path.read_bytes(), path

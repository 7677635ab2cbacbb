"""Terms in the running daemon: a config that it cannot take at a reload, and one that it takes."""

import signal

from bot.world import run_in_thread
from tests.desk import Desk, Sink, Until
from tests.integration.scene import HEAD, world_of

CONFIG = (
    HEAD
    + """\
[[terms]]
name = "regional-command"
en = ["regional command"]
[[rules]]
name = "command"
query = "@regional-command"
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
[[sources]]
name = "spokesman_office"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
"""
)
BROKEN = """
[[rules]]
name = "unknown-term"
query = "army @regional-comand"
[[rules]]
name = "never-closed"
query = 'army "never closed'
"""


def test_rules_that_cannot_be_read_are_refused_at_start_and_at_a_reload_with_name_place_and_reason(
    desk: Desk, sink: Sink, until: Until
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        good = CONFIG.format(hook=sink.url, world=address)
        broken = good + BROKEN
        desk.write(broken)
        for command in (("config", "check"), ("run",), ("run", "--once")):
            refused = desk.run(*command, code=4)
            assert "rules[1].query" in refused.stderr
            assert 'in the rule "unknown-term": there is no term @regional-comand' in refused.stderr
            assert 'in the rule "never-closed": this quotation mark is never closed' in refused.stderr
        desk.write(good)
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        desk.write(broken)
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "the old one stays in use" in desk.said(), "the refusal of the new config")
        until(lambda: 'in the rule "never-closed"' in desk.said(), "the reason")
        assert "did you mean @regional-command?" in desk.said()
        world.publish("spokesman_office", "The regional command is quiet.")
        until(sink.heard.is_set, "an alert by the old rules")
        desk.write(good.replace('en = ["regional command"]', 'en = ["regional command"]\nmy = ["တိုင်းစစ်ဌာနချုပ်"]'))
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "the new config is in use" in desk.said(), "the good config")
        sink.heard.clear()
        world.publish("spokesman_office", "တိုင်းစစ်ဌာနချုပ်သို့ သွားသည်။")
        until(sink.heard.is_set, "an alert by the new phrase")
        desk.stop()
    why = desk.run("alerts", "why", "2").stdout
    assert "@regional-command" in why
    assert "as “တိုင်းစစ်ဌာနချုပ်”" in why

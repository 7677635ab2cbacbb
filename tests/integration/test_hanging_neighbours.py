"""Feeds that never answer, on the very server of a webhook: they keep no alert waiting."""

from collections.abc import Callable

from tests.desk import Desk
from tests.neighbourhood import Neighbourhood, opened

Until = Callable[[Callable[[], object], str], None]

HANGING, HEALTHY = 6, 12
FRAME = """
[http]
allow_private_addresses = true
[defaults]
every = "1s"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{url}/hook"
"""
FEED = """
[[sources]]
name = "{name}"
kind = "feed"
url = "{url}"
"""


def config(there: Neighbourhood, beside: Neighbourhood) -> str:
    hanging = [FEED.format(name=f"a{number}", url=f"{there.url}/hang/{number}") for number in range(HANGING)]
    healthy = [FEED.format(name=f"b{number}", url=f"{beside.url}/feed/b{number}") for number in range(HEALTHY)]
    return FRAME.format(url=there.url) + "".join([*hanging, *healthy])


def test_six_hanging_feeds_on_the_host_of_a_webhook_delay_no_alert(desk: Desk, until: Until) -> None:
    with opened() as there, opened() as beside:
        for number in range(HEALTHY):
            beside.publish(f"b{number}", "An old item.")
        desk.write(config(there, beside))
        daemon = desk.start("run")
        try:
            until(lambda: desk.said().count("is reached") == HEALTHY, "the first contact with every healthy feed")
            for number in range(HEALTHY):
                beside.publish(f"b{number}", f"The regional command has moved: {number}.")
            until(lambda: len(there.delivered) == HEALTHY, "one alert of each healthy feed")
            # Two hang at a time, for half a minute: whoever waits for them gets its turn after the last of six.
            assert sum(there.asked.values()) < HANGING
        finally:
            daemon.terminate()
            daemon.wait()

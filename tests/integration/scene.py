"""The usual scene: channels of a small world, one rule that looks for "regional command", and one webhook."""

from bot.world import World

SOURCE = """
[[sources]]
name = "{name}"
kind = "telegram_web"
channel = "{name}"
base_url = "{world}"
"""
LOOPBACK = """
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
"""
HEAD = f"""{LOOPBACK}
[media]
keep_free = 0
[defaults]
every = "1s"
"""
FRAME = (
    HEAD
    + """\
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""
)
HEALTH = "health = true\n"


def config(address: str, hook: str, *names: str, health: bool = False) -> str:
    """The config that watches these channels every second; with `health`, the webhook hears of troubles too."""
    sources = "".join(SOURCE.format(name=name, world=address) for name in names)
    return FRAME.format(hook=hook) + (HEALTH if health else "") + sources


def world_of(*names: str) -> World:
    """A world with these channels; each has shown one post already."""
    world = World()
    for name in names:
        world.open_channel(name, name.replace("_", " "))
        world.publish(name, "Nothing new.")
    return world

"""A Telegram world on loopback: a real MTProto server that an unmodified Telethon client logs in to, with faults.

A world is state; a server serves it over TCP. A test changes the world and looks at what the client then does:

    world = World()
    world.accounts.open("+95 9 000 000 001", code="12345", password=None)
    world.open_channel("border_post", "Border Post", members=["+95 9 000 000 001"])   # returns the channel's id
    first = world.publish("border_post", "Two posts were hit.")                      # id 2; 1 is "channel created"
    with run_in_thread(world) as served:                                              # served.host, .port, .dc, .public_key_file
        ...                                                                           # any client, any process

A client finds it by what `[telegram] server, dc, public_key_file` say, with nothing patched:

    telethon.crypto.rsa.add_key(served.public_key_file.read_text(), old=False)
    session = MemorySession()
    session.set_dc(served.dc, served.host, served.port)
    client = OwnClient(session, 1, "hash")      # class OwnClient(TelegramClient), one class for each world in a process:
                                                # Telethon keeps help.getConfig, so the ports, on the class
    await client.connect()

What happens: publish, publish_album, publish_poll, forward, edit, react, delete, rename, squat, make_private,
delete_channel, join, ban (each silent where a keyword says so); `accounts.end_sessions`, `.duplicate_keys`,
`.deactivate`, `.freeze`, `.forget_keys`, `.rotate_salts`, `.accept_login_token`.
What goes wrong: `faults.suffer(Fault("messages.getHistory", error=(420, "FLOOD_WAIT_30"), after=2, times=1))`,
`faults.flood(method, seconds)` (a wait that stands, runs down, and notes who breaks it in `broken_waits`),
`faults.cut`, `faults.transport_error`, and the switches `black_hole`, `refusing`, `swallow_pushes`, `latency`, `skew`,
`difference_omits_edited`; `forget_log`, `push_unknown`, `push_channel_too_long`, `expire_file_references`; `faults.heal()`.
What was seen: `visible(channel)`, `text`, `shown(channel)`, `shown_texts(channel, id)`, `journal.calls(method)`,
`journal.count("contacts.resolveUsername")`. Methods have their TL names; a channel is named by handle or id.
A server that goes away and comes back: leave `run_in_thread`, enter it again with `served.ports`; keys are the world's.
"""

from tests.telegram_world.channels import File, Forward, Message, Poll
from tests.telegram_world.faults import Fault, Refusal
from tests.telegram_world.server import Served, TelegramServer, run_in_thread
from tests.telegram_world.state import World

__all__ = [
    "Fault",
    "File",
    "Forward",
    "Message",
    "Poll",
    "Refusal",
    "Served",
    "TelegramServer",
    "World",
    "run_in_thread",
]

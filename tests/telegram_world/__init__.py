"""A Telegram world on loopback: a real MTProto server that an unmodified Telethon client logs in to, with faults.

A world is state; a server serves it over TCP. A test changes the world and looks at what the client then does:

    world = World()
    world.accounts.open("+95 9 000 000 001", code="12345", password=None)
    world.open_channel("border_post", "Border Post", members=["+95 9 000 000 001"])   # returns the channel's id
    first = world.publish("border_post", "Two posts were hit.")                      # id 2; 1 is "channel created"
    with run_in_thread(world) as served:                    # served.host, .port, .dc, .public_key_file, .ports
        ...                                                 # any client, in any thread or process

A client finds it by what `[telegram] server, dc, public_key_file` say, with nothing patched (`visitor.py` does this):

    telethon.crypto.rsa.add_key(served.public_key_file.read_text(), old=False)
    session.set_dc(served.dc, served.host, served.port)
    client = OwnClient(session, 1, "hash")      # class OwnClient(TelegramClient): Telethon keeps help.getConfig, so the
                                                # ports, on the class; each world of a process needs a class of its own

`accounts.grant_key(phone)` is a key that is logged in already: `session.auth_key = AuthKey(key)` saves the login.

What happens: publish, publish_album, forward, edit, react, delete, rename, squat, make_private, make_public, restrict,
delete_channel, join, ban, pardon; `reserve` gives out ids before their messages are seen; `silent=True` is a change
that no event tells of. `accounts.end_sessions`, `.duplicate_keys`, `.deactivate`,
`.freeze`, `.forget_keys`, `.rotate_salts`, `.accept_login_token`.
What goes wrong: `faults.suffer(Fault("messages.getHistory", error=(420, "FLOOD_WAIT_30"), after=2, times=1))`,
`faults.flood(method, seconds)` (a wait that stands, runs down, and notes who breaks it in `faults.broken_waits`),
`faults.cut`, `faults.transport_error`, the switches `black_hole`, `refusing`, `swallow_pushes`, `swallow_pushes_of`,
`latency`, `skew`, `difference_omits_edited`, `unknown_beside`, `blind_lookups`; `forget_log` and `too_long_after` for
ChannelDifferenceTooLong, `push_unknown`, `push_channel_too_long`, `push_false_deletion`, `expire_file_references`.
`faults.heal()` ends what is in `faults`.
How it differs from Telegram's own: `manners` (pages without pts, hashes of one session, small pages and pieces …).
What was seen: `visible(channel)`, `text`, `shown(channel)`, `shown_texts(channel, id)` (both also with `pushes=False`:
by replies alone), `journal.calls(method)`, `journal.count("contacts.resolveUsername")`. Methods have their TL names; a channel is named by handle or id.
A server that dies and comes back: leave `run_in_thread`, enter it again with `served.ports`; keys are the world's.
For a bench: `world.warm(channel)`, `journal.remembers = False`, `served.settle()`; for a look by hand
`python -m tests.telegram_world`.
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

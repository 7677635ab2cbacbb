"""Serves a world with one channel that grows, for a look by hand or a bench: prints what a config would say."""

import argparse
import time

from tests.telegram_world import World, run_in_thread

_TEXT = "Statement {}: two posts near the river were hit; the road is closed until further notice."


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.telegram_world", description=__doc__)
    parser.add_argument("--phone", default="+959000000001")
    parser.add_argument("--code", default="12345")
    parser.add_argument("--password", help="the account's two-factor password (default: none)")
    parser.add_argument("--handle", default="border_post")
    parser.add_argument("--messages", type=int, default=100, help="how many stand there at the start")
    parser.add_argument("--every", type=float, default=5, help="seconds between new ones; 0 for none")
    asked = parser.parse_args()
    world = World()
    world.accounts.open(asked.phone, code=asked.code, password=asked.password)
    world.open_channel(asked.handle, "Border Post")
    for number in range(asked.messages):
        world.publish(asked.handle, _TEXT.format(number))
    world.warm(asked.handle)
    with run_in_thread(world) as served:
        print(f'[telegram]\nserver = "{served.host}:{served.port}"\ndc = {served.dc}')
        print(f'public_key_file = "{served.public_key_file}"\n# phone {asked.phone}, code {asked.code}', flush=True)
        while True:
            time.sleep(asked.every or 3_600)
            if asked.every:
                world.publish(asked.handle, _TEXT.format(len(world.visible(asked.handle))))


if __name__ == "__main__":
    main()

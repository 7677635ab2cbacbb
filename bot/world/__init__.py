"""A small world on loopback, shipped with the product: fictional channels and a feed to collect from, with faults."""

from bot.world.server import WorldServer, run_in_thread, stop_listening
from bot.world.state import Faults, World, WorldFile

__all__ = ["Faults", "World", "WorldFile", "WorldServer", "run_in_thread", "stop_listening"]

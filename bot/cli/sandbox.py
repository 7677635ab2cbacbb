"""What the sandbox of engines does not prevent on this system."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.enrich.sandbox.isolation import Isolation

SANDBOX_FIX = "allow user namespaces and seccomp in its container or unit; Landlock needs Linux 5.13"


def describe_leaks(isolation: "Isolation") -> str | None:
    """What an engine could do here that it should not, in one sentence; None where the sandbox is complete."""
    prevented = {
        "reach the network": isolation.network,
        "leave processes behind": isolation.processes,
        "read and write any file": isolation.files,
    }
    possible = [what for what, done in prevented.items() if not done]
    return f"on this system an engine could {' and '.join(possible)}" if possible else None

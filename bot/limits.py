"""Limits of a process that reads what strangers wrote, kept by the kernel: memory, processor time, nothing written."""

import resource


def limit_memory(memory: int) -> None:
    """Limit this process and all that it starts, for good; `memory` is in bytes of address space."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def limit_process(cpu_seconds: int, memory: int) -> None:
    """Limit this process for good; `memory` is in bytes of address space. Nothing can be written, nothing started."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))  # soft first: its signal names the reason
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))

"""What a program that we start may read: the system, itself and what was installed with it, no data of people."""

import sys
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/snap", "/nix/store", "/gnu/store",
    "/proc", "/sys", "/var/cache/fontconfig",
)  # fmt: skip
_SETTINGS = (  # of the system, none of which is a secret
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "fonts", "gai.conf", "group",
    "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime",
    "magic", "mime.types", "nsswitch.conf", "OpenCL", "os-release", "passwd", "pki/ca-trust", "pki/tls/cert.pem",
    "pki/tls/certs", "protocols", "resolv.conf", "services", "ssl/ca-bundle.pem", "ssl/cert.pem", "ssl/certs",
    "ssl/openssl.cnf", "timezone", "vulkan",
)  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom", "dri", "kfd", "dxg", "nvidia*", "mali*", "accel")
_PARTS = ("bin", "sbin", "lib", "lib64", "libexec", "share", "include", "pyvenv.cfg")


def devices() -> Iterator[Path]:
    """What can be read and written without a trace, and graphics cards."""
    for name in _DEVICES:
        yield from Path("/dev").glob(name)


def system() -> Iterator[Path]:
    """Programs, libraries and settings of the system."""
    yield from map(Path, _SYSTEM)
    yield from (Path("/etc") / name for name in _SETTINGS)


def own_program() -> Iterator[Path]:
    """The interpreter, its packages and our own code, but not the folder of a checkout, where a config may be."""
    yield from program_parts(Path(sys.executable))
    for prefix in {sys.prefix, sys.base_prefix}:
        yield from program_parts(Path(prefix) / "bin" / "python3")
    yield from (_ROOT,) if _ROOT.name.endswith("-packages") else (_ROOT / "bot", _ROOT / "storage")


def program_parts(program: Path) -> Iterator[Path]:
    """A program, what it is a link to, and what was installed with each if they are in a folder `bin`."""
    for path in dict.fromkeys((program, program.resolve())):
        yield path
        if path.parent.name in ("bin", "sbin"):
            yield from (path.parent.parent / part for part in _PARTS)

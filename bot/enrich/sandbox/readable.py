"""What a job may read: the system, this program, and what its engine works with; never the archive or the config."""

import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from bot.contracts.engine import EngineSettings, program_parts
from bot.landlock import leave_out

_ROOT = Path(__file__).parents[3]
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
_MOST_LINKS = 1_000
_OURS = ("communique", "reserve")  # names of files beside the archive


def readable(settings: EngineSettings, hidden: Iterable[Path]) -> Iterator[Path]:
    """All that a job may read besides its file and its folder.

    Nothing `hidden`, unless it is what the config names for this very engine.
    """
    secret = [path.resolve() for path in hidden]
    for place in map(Path.resolve, settings.readable()):
        yield from leave_out(place, [path for path in secret if not place.is_relative_to(path)])
    for place in map(Path.resolve, settings.mentioned()):
        yield from (place,) if _lies_beside(place, secret) else leave_out(place, secret)
    for place in (*_system(), *_program(), *_links(settings.readable())):
        yield from leave_out(place.resolve(), secret)


def _lies_beside(place: Path, secret: Collection[Path]) -> bool:
    """Whether it is a file that a person put beside the archive, and not one of ours or a secret."""
    return place.parent in secret and place not in secret and place.is_file() and not place.name.startswith(_OURS)


def devices() -> Iterator[Path]:
    """What can be read and written without a trace, and graphics cards."""
    for name in _DEVICES:
        yield from Path("/dev").glob(name)


def _system() -> Iterator[Path]:
    yield from map(Path, _SYSTEM)
    yield from (Path("/etc") / name for name in _SETTINGS)


def _program() -> Iterator[Path]:
    """The interpreter, its packages and our own code, but not the folder of a checkout, where a config may be."""
    yield from program_parts(Path(sys.executable))
    for prefix in {sys.prefix, sys.base_prefix}:
        yield from program_parts(Path(prefix) / "bin" / "python3")
    yield from (_ROOT,) if _ROOT.name.endswith("-packages") else (_ROOT / "bot", _ROOT / "storage")


def _links(places: Iterable[Path]) -> Iterator[Path]:
    """Where the links lead that are right in these folders: stores of models keep the bytes elsewhere."""
    for place in places:
        try:
            links = [part for part in place.iterdir() if part.is_symlink()]
        except OSError:  # a file, or nothing
            continue
        yield from links[:_MOST_LINKS]

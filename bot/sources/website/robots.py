"""PURE: what a site's robots.txt allows us to fetch, by RFC 9309."""

from storage.frozen import dataclass

MOST = 500 << 10  # bytes that RFC 9309 asks a reader to take
_MOST_RULES = 5_000


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules for us: (allowed, pattern), as they were written."""

    rules: tuple[tuple[bool, str], ...] = ()

    @classmethod
    def read(cls, text: str, agent: str) -> "Robots":
        """The rules of the group that names `agent`, else of the group for everybody."""
        groups: dict[str, list[tuple[bool, str]]] = {}
        names: list[str] = []
        in_rules = False
        for line in text.splitlines():
            key, _, value = line.partition("#")[0].partition(":")
            key, value = key.strip().lower(), value.strip()
            if key == "user-agent":
                names = [value.lower()] if in_rules else [*names, value.lower()]
                in_rules = False
                groups.setdefault(value.lower(), [])
            elif key in {"allow", "disallow"}:
                in_rules = True
                for name in names:
                    if value and len(groups[name]) < _MOST_RULES:
                        groups[name].append((key == "allow", value))
        wanted = agent.lower()
        own = next((name for name in groups if name != "*" and name and name in wanted), "*")
        return cls(tuple(groups.get(own, ())))

    def allows(self, path: str) -> bool:
        """Whether this path with its query may be fetched: by the longest rule, of two alike by the one that allows."""
        fitting = [(len(pattern), allowed) for allowed, pattern in self.rules if _fits(pattern, path)]
        return max(fitting)[1] if fitting else True


def _fits(pattern: str, path: str) -> bool:
    """`*` is any characters, `$` at the end is the end. Piece by piece, so that no pattern takes long."""
    ends = pattern.endswith("$")
    pieces = pattern.removesuffix("$").split("*")
    if not path.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    for piece in pieces[1:]:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if not ends:
        return True
    last = pieces[-1]
    return at == len(path) or (len(pieces) > 1 and path.endswith(last) and len(path) - len(last) >= at - len(last))

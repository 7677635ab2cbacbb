"""PURE: the names of time zones in dates: what each means everywhere, and which need the zone of the source."""

from datetime import datetime, timedelta, tzinfo

_OFFSETS = """
    -10 hst | -9 akst | -8 pst akdt | -7 mst pdt | -6 mdt | -5 est cdt pet | -4 edt clt vet | -3:30 nst |
    -3 art brt clst uyt | -2:30 ndt |
    0 utc gmt ut z wet |
    1 cet wat mez west | 2 cest eet cat sast mesz | 3 eest msk мск eat trt idt fet | 3:30 irst |
    4 samt azt get mut | 4:30 aft irdt | 5 pkt yekt uzt tmt tjt | 5:30 slst | 5:45 npt | 6 omst btt almt |
    6:30 mmt | 7 ict wib krat novt hovt | 8 wita hkt pht irkt awst myt sgt ulat | 9 wit jst kst yakt | 9:30 acst |
    10 aest vlat chst pgt | 10:30 acdt | 11 aedt sakt magt | 12 nzst pett fjt | 13 nzdt
"""
_NEEDS_A_ZONE = """
    bst: 1 6 11 | ist: 5:30 1 2 | cst: -6 8 -5 | ast: -4 3 | adt: -3 4 | gst: 4 -2 | amt: 4 -4 | sst: -11 8 |
    ect: -5 -4 1 | wst: 8 13 | pt: -8 -7 | mt: -7 -6 | ct: -6 -5 | et: -5 -4
"""


def _minutes(written: str) -> int:
    hours, _, minutes = written.partition(":")
    return int(hours) * 60 + int(minutes or 0) * (-1 if written.startswith("-") else 1)


OFFSETS = {
    name: _minutes(written) for written, *names in (entry.split() for entry in _OFFSETS.split("|")) for name in names
}
"""Minutes east of UTC of the names that mean one thing; those of the USA as RFC 822 defines them (5.1)."""

_AMBIGUOUS = {
    name.strip(): frozenset(map(_minutes, offsets.split()))
    for name, offsets in (entry.split(":", 1) for entry in _NEEDS_A_ZONE.split("|"))
}


def knows_zone(name: str) -> bool:
    """Whether this is the name of a zone, be it of one or of several."""
    return name in OFFSETS or name in _AMBIGUOUS


def offset_of(name: str, local: datetime, zone: tzinfo | None) -> int | None:
    """Minutes east of UTC. None for a name of several zones, unless the zone of the source is one of them."""
    if name in OFFSETS:
        return OFFSETS[name]
    if zone is None:
        return None
    days = (local, local.replace(month=1, day=15), local.replace(month=7, day=15))
    of_source = {(day.tzname(), day.utcoffset()) for day in (each.replace(tzinfo=zone) for each in days)}
    so_called = {offset for called, offset in of_source if called and called.casefold() == name}
    meant = {
        minutes
        for minutes in _AMBIGUOUS[name]
        if timedelta(minutes=minutes) in (so_called or {offset for _, offset in of_source})
    }
    return meant.pop() if len(meant) == 1 else None

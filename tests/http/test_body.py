import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.http.body import Body, UnusableBody

GZIP = {"content-encoding": "gzip"}


def gather(raw: bytes, headers: dict[str, str], *, cap: int = 1 << 20, piece: int = 1 << 16) -> bytes:
    body = Body(cap, headers)
    for start in range(0, len(raw), piece):
        body.feed(raw[start : start + piece])
    return body.finish()


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3), st.integers(1, 50), st.sampled_from([b"", b"\0" * 9]))
def test_gzip_is_unpacked_however_it_is_cut_up(members: list[bytes], piece: int, padding: bytes) -> None:
    raw = b"".join(gzip.compress(member) for member in members) + padding
    assert gather(raw, GZIP, piece=piece) == b"".join(members)


@given(st.binary(max_size=300), st.data())
def test_gzip_that_breaks_off_is_never_taken_for_the_whole(text: bytes, data: st.DataObject) -> None:
    raw = gzip.compress(text)
    with pytest.raises(UnusableBody, match="truncated"):
        gather(raw[: data.draw(st.integers(1, len(raw) - 1))], GZIP)


@given(st.integers(0, 2000), st.integers(0, 2000), st.booleans())
def test_the_cap_is_exact(size: int, cap: int, packed: bool) -> None:
    text = bytes(i * 7919 % 251 for i in range(size))
    raw = gzip.compress(text) if packed else text
    if max(len(raw), size) <= cap:
        assert gather(raw, GZIP if packed else {}, cap=cap) == text
    else:
        with pytest.raises(UnusableBody, match="more than"):
            gather(raw, GZIP if packed else {}, cap=cap)


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "gzip, identity", "x\x1b[2J"])
def test_an_encoding_that_we_did_not_ask_for_is_refused(encoding: str) -> None:
    with pytest.raises(UnusableBody, match="was not requested"):
        Body(100, {"content-encoding": encoding})


def test_a_body_that_is_not_the_gzip_it_claims_is_an_error() -> None:
    with pytest.raises(UnusableBody, match="not the gzip"):
        gather(b"<html>", GZIP)
    with pytest.raises(UnusableBody, match="not the gzip"):
        gather(zlib.compress(b"zlib"), GZIP)


def test_an_empty_body_needs_no_unpacking() -> None:
    assert gather(b"", GZIP) == b""
    assert gather(b"plain", {"content-encoding": "identity"}) == b"plain"


def test_an_announced_size_over_the_cap_is_refused_before_a_byte_is_read() -> None:
    with pytest.raises(UnusableBody, match="more than 100 bytes"):
        Body(100, {"content-length": "101"})

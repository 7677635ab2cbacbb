"""A speech model of a few kilobytes that hears each tone as a word, in the form of Omnilingual's CTC models.

So the real library can be run on real sound where no weights of real speech can be had: from samples to one vector of
scores for each 20 ms, blank first (sherpa-onnx, offline-omnilingual-asr-ctc-model.cc). Written as ONNX's protocol
buffer by hand (onnx/onnx.proto3), which no package is needed for.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

RATE = 16_000
_FRAME = RATE // 50
_BLANK = 0.5  # louder than any tone that does not sound


def speech(said: Sequence[tuple[int, float]]) -> bytes:
    """A WAV of (hertz, seconds), one after the other; 0 hertz is silence. Tones are multiples of 50 hertz."""
    data = b"".join(
        struct.pack("<h", round(12_000 * math.sin(2 * math.pi * hertz * at / RATE)))
        for hertz, seconds in said
        for at in range(round(seconds * RATE))
    )
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def write(folder: Path, words: Mapping[int, str]) -> Path:
    """Put the model and its tokens there: each tone (hertz) is heard as its word."""
    tokens = ["<blk>", *words.values()]
    (folder / "tokens.txt").write_text("".join(f"{word} {at}\n" for at, word in enumerate(tokens)), encoding="utf-8")
    (folder / "model.int8.onnx").write_bytes(_model(list(words), len(tokens)))
    return folder


def _model(tones: Sequence[int], width: int) -> bytes:
    """samples -> how much of each tone is in each frame -> its square -> a score for each token."""
    waves = [
        wave(2 * math.pi * hertz * at / RATE) * math.sqrt(2) / _FRAME
        for hertz in tones
        for wave in (math.cos, math.sin)
        for at in range(_FRAME)
    ]
    sums = [1.0 if token == 1 + part // 2 else 0.0 for token in range(width) for part in range(2 * len(tones))]
    nodes = (
        _node("Unsqueeze", ["x", "one"], "row"),
        _node("Conv", ["row", "waves"], "part", strides=[_FRAME]),
        _node("Mul", ["part", "part"], "power"),
        _node("Conv", ["power", "sums", "blank"], "score"),
        _node("Transpose", ["score"], "y", perm=[0, 2, 1]),
    )
    weights = (
        _tensor("one", 7, [1], struct.pack("<q", 1)),
        _tensor("waves", 1, [2 * len(tones), 1, _FRAME], struct.pack(f"<{len(waves)}f", *waves)),
        _tensor("sums", 1, [width, 2 * len(tones), 1], struct.pack(f"<{len(sums)}f", *sums)),
        _tensor("blank", 1, [width], struct.pack(f"<{width}f", _BLANK, *[0.0] * (width - 1))),
    )
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tones")
    graph += b"".join(_field(5, one) for one in weights)
    graph += _field(11, _value("x", ["n", "t"])) + _field(12, _value("y", ["n", "f", width]))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _field(2, 13))


def _node(kind: str, inputs: Sequence[str], output: str, **numbers: Sequence[int]) -> bytes:
    made = b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode()) + _field(4, kind.encode())
    for name, values in numbers.items():
        made += _field(5, _field(1, name.encode()) + b"".join(_field(8, value) for value in values) + _field(20, 7))
    return made


def _tensor(name: str, kind: int, sides: Sequence[int], data: bytes) -> bytes:
    return b"".join(_field(1, side) for side in sides) + _field(2, kind) + _field(8, name.encode()) + _field(9, data)


def _value(name: str, sides: Sequence[str | int]) -> bytes:
    shape = b"".join(
        _field(1, _field(1, side) if isinstance(side, int) else _field(2, side.encode())) for side in sides
    )
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, 1) + _field(2, shape)))


def _field(number: int, value: int | bytes) -> bytes:
    """One field of a protocol buffer: a number as a varint, anything else with its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])

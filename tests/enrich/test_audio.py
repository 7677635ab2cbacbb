"""What may reach ffmpeg, and how little it may do with it."""

import http.server
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.contracts.engine import MediaFile, Unfit
from bot.enrich import audio
from bot.enrich.sandbox.command import run
from tests import voice_notes

MakeMedia = Callable[..., MediaFile]
MINUTE = 60_000_000
SECRET = "the contents of another file"


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """A server that a playlist could lead to, and the paths that were asked of it."""
    paths: list[str] = []

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()


def wav(seconds: float, *, channels: int = 1, rate: int = 16_000, claimed_rate: int | None = None) -> bytes:
    """A WAV of a quiet saw, whose header may lie about its rate."""
    frames = round(seconds * rate)
    data = b"".join(struct.pack("<h", (at % 200) * 50) * channels for at in range(frames))
    claimed = rate if claimed_rate is None else claimed_rate
    form = struct.pack("<HHIIHH", 1, channels, claimed, claimed * 2 * channels & 0xFFFFFFFF, 2 * channels, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize("lie", [None, "audio/ogg", "audio/mpeg", "audio/aac", "video/mp4", "video/webm"])
def test_bad_input_47_a_playlist_called_voice_ogg_leads_nowhere(
    lie: str | None, visited: tuple[str, list[str]], media: MakeMedia, tmp_path: Path
) -> None:
    address, paths = visited
    (tmp_path / "secret.wav").write_bytes(wav(1))
    leads = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}/x.ts\n#EXTINF:1,\nfile://{tmp_path}/secret.wav\n",
        "key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{address}/key"\n#EXTINF:1,\nfile:///etc/passwd\n',
        "dash": f"<?xml version='1.0'?><MPD type='static'><Period><AdaptationSet mimeType='audio/mp4'><Representation id='1'><BaseURL>{address}/x.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "concat": f"ffconcat version 1.0\nfile {tmp_path}/secret.wav\nfile {address}/x.wav\n",
        "near": "ffconcat version 1.0\nfile secret.wav\n",
        "sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n",
        "xspf": f"<?xml version='1.0'?><playlist><location>{address}/x</location></playlist>",
    }
    path = tmp_path / "voice.ogg"
    for words in leads.values():
        for magic in ("", "OggS", "ID3") if lie is None else ("",):  # a type that is given is not looked for
            path.write_text(magic + words)
            with pytest.raises(Unfit):
                audio.samples(media(path, mime=lie), 30 * MINUTE)
    assert paths == []


@pytest.mark.usefixtures("ffmpeg")
def test_bad_input_47_a_film_that_keeps_its_sound_in_another_file_stays_silent(
    media: MakeMedia, tmp_path: Path
) -> None:
    (tmp_path / "secret.wav").write_bytes(wav(1))
    outside = b"url \0\0\0\0" + f"file://{tmp_path}/secret.wav".encode() + b"\0"

    def box(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", 8 + len(data)) + name + data

    dref = box(b"dref", struct.pack(">II", 0, 1) + struct.pack(">I", len(outside) + 4) + outside)
    film = box(b"ftyp", b"isom\0\0\0\0isom") + box(
        b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"dinf", dref))))
    )
    path = tmp_path / "film.mp4"
    path.write_bytes(film)
    with pytest.raises(Unfit):
        audio.samples(media(path, "video"), 30 * MINUTE)


@pytest.mark.usefixtures("voice")
def test_bad_input_48_ten_hours_of_sound_are_refused_after_the_first_minutes(media: MakeMedia, tmp_path: Path) -> None:
    spoken = voice_notes.speak("This notice is long. " * 10, tmp_path / "note.ogg")
    made = audio.converted(media(spoken), "mp3", 30 * MINUTE, tmp_path)
    long = tmp_path / "long.mp3"
    long.write_bytes(made.read_bytes() * 3_000)
    with pytest.raises(Unfit, match="too long: at most 120 s"):
        audio.samples(media(long), 2 * MINUTE)


@pytest.mark.usefixtures("ffmpeg")
def test_bad_input_48_no_sound_eight_channels_and_impossible_rates(media: MakeMedia, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(wav(0))
    with pytest.raises(Unfit, match="no sound"):
        audio.samples(media(path), MINUTE)
    path.write_bytes(wav(1, channels=8))
    assert len(audio.samples(media(path), MINUTE)) == 2 * audio.RATE
    for rate in (0, 0xFFFFFFFF):
        path.write_bytes(wav(1, claimed_rate=rate))
        with pytest.raises(Unfit):
            audio.samples(media(path), MINUTE)


@pytest.mark.usefixtures("ffmpeg")
def test_of_a_damaged_recording_what_can_be_decoded_counts(media: MakeMedia, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(wav(2)[:40_000])
    assert 30_000 < len(audio.samples(media(path), MINUTE)) < 40_000


@pytest.mark.usefixtures("voice")
@pytest.mark.parametrize("form", ["ogg", "mp3", "wav"])
def test_a_recording_is_converted_into_what_a_server_reads(form: audio.Form, media: MakeMedia, tmp_path: Path) -> None:
    spoken = voice_notes.speak("The command has fallen.", tmp_path / "note.ogg")
    made = media(audio.converted(media(spoken), form, MINUTE, tmp_path))
    assert made.mime == {"ogg": "audio/ogg", "mp3": "audio/mpeg", "wav": "audio/wav"}[form]
    assert len(audio.samples(made, MINUTE)) == pytest.approx(len(audio.samples(media(spoken), MINUTE)), rel=0.1)


def program(source: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", source)


def test_bad_input_50_a_program_that_prints_without_end_is_cut() -> None:
    talking = program("import sys\nwhile True: sys.stdout.write('x' * 65536)")
    answer = run(talking, cpu_s=60, cap=1 << 20)
    assert (answer.cut, answer.ok, len(answer.out)) == (True, False, 1 << 20)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        # as ffmpeg does: it ends by itself at the signal, with what it has decoded so far
        "import os, signal\nsignal.signal(signal.SIGXCPU, lambda *_: os._exit(255))\nwhile True: pass",
        "import os\nif os.fork() == 0:\n  while True: pass\nos._exit(os.waitstatus_to_exitcode(os.wait()[1]) & 127)",
    ],
)
def test_bad_input_50_a_program_that_computes_without_end_is_ended_by_its_processor_time(body: str) -> None:
    answer = run(program(f"print('so far', flush=True)\n{body}"), cpu_s=1)
    assert (answer.out, answer.spent, answer.late, answer.ok) == (b"so far\n", True, False, False)


@pytest.mark.parametrize("body", ["time.sleep(600)", "os.kill(os.getpid(), signal.SIGSTOP)"])
def test_bad_input_50_a_program_that_only_waits_used_no_time_when_the_clock_ends_it(body: str) -> None:
    answer = run(program(f"import os, signal, time\n{body}"), cpu_s=60, deadline=1)
    assert (answer.late, answer.spent, answer.ok) == (True, False, False)


def test_bad_input_50_a_program_that_prints_a_gigabyte_of_errors_is_ignored() -> None:
    shouting = program("import sys\nfor _ in range(2000): sys.stderr.write('x' * 65536)\nprint('done')")
    assert run(shouting, cpu_s=60).out == b"done\n"


def test_bad_input_50_a_child_that_keeps_the_pipe_open_delays_nobody() -> None:
    leaving = program("import os, time\nif os.fork() == 0: time.sleep(300)\nelse: print('words')")
    done = run(leaving, cpu_s=60, deadline=120)
    assert done.ok
    assert done.out == b"words\n"

"""`kraty listen` passes on only what is genuine, byte for byte, and says what it saw; `kraty webhook` says why not."""

from __future__ import annotations

import http.client
import io
import json
import re
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraty_server.cli.listen import read_body
from kraty_server.testing import Emulator, sign
from kraty_server.webhooks.receiver import REFUSALS
from tests.cli import Run
from tests.cli.conftest import SECRET
from tests.servers.webhook_endpoint import Endpoint

EVENT = b'{ "id":"evt_1", "eventName":"wallet.changed","occurredAt":"2026-11-26T10:00:00Z","data":{"x":"\xc3\xbc"} }'


class Listener(NamedTuple):
    """A `kraty listen` under way."""

    process: subprocess.Popen[bytes]
    host: str

    def post(self, body: bytes, *, signature: str | None = None, **more: str) -> int:
        """Deliver something, and tell the status."""
        headers = {"Content-Type": "application/json", "X-Signature": signature or sign(body, SECRET), **more}
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request("POST", "/any", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def ended(self) -> tuple[int, str, str]:
        """Its code, data, and what it said besides."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode(), err.decode()


Listen = Callable[..., Any]


@pytest.fixture
def listen(command: Callable[..., list[str]], environment: Mapping[str, str]) -> Listen:
    @contextmanager
    def start(*arguments: str, stdout: Any = subprocess.PIPE) -> Generator[Listener]:
        process = subprocess.Popen(
            command("listen", "--port", "0", *arguments), env=environment, stdout=stdout, stderr=subprocess.PIPE
        )
        try:
            assert process.stderr is not None
            said = process.stderr.readline().decode()
            found = re.search(r"listening on http://([^,]*), passing on to http", said)
            assert found, said
            yield Listener(process, found[1])
        finally:
            process.kill()
            process.communicate()

    return start


def test_what_is_genuine_is_passed_on_byte_for_byte(listen: Listen, tmp_path: Path) -> None:
    header = sign(EVENT, SECRET)
    with Endpoint([204, 500]) as endpoint, listen(
        "--forward-to", endpoint.url, "--count", "4", "--record", "record.jsonl"
    ) as listener:  # fmt: skip
        assert listener.post(EVENT, signature=header, Authorization="Basic hush") == 204
        assert listener.post(EVENT) == 500
        assert listener.post(EVENT, signature=sign(EVENT, "whsec_other")) == 401
        assert listener.post(b"\xff") == 400
        code, out, err = listener.ended()
    assert endpoint.received[0] == (EVENT, header)
    assert len(endpoint.received) == 2
    lines = out.splitlines()
    assert [line.split()[1] for line in lines] == ["forwarded", "failed", "refused", "refused"]
    assert lines[0].endswith("204  wallet.changed  evt_1")
    assert "signature_mismatch" in lines[2]
    assert REFUSALS["signature_mismatch"].cause in err
    assert "4 received, 3 not passed on" in err
    assert code == 3
    written = (tmp_path / "record.jsonl").read_text()
    assert SECRET not in out + err + written
    assert "hush" not in out + err + written
    rows = [json.loads(line) for line in written.splitlines()]
    assert [row["body"].encode() for row in rows[:3]] == [EVENT] * 3
    assert (rows[3]["body_base64"], rows[3]["reason"]) == ("/w==", "body_unreadable")
    assert ["Authorization", "…"] in rows[0]["headers"]
    assert rows[2]["reason"] == "signature_mismatch"


def test_all_taken_ends_with_0_and_json_is_what_is_recorded(listen: Listen, tmp_path: Path) -> None:
    with Endpoint([]) as endpoint, listen(
        "--forward-to", endpoint.url, "--count", "1", "--json", "--record", "record.jsonl"
    ) as listener:  # fmt: skip
        assert listener.post(EVENT) == 204
        code, out, _ = listener.ended()
    assert code == 0
    assert out == (tmp_path / "record.jsonl").read_text()


def test_a_service_that_is_down_is_said_and_answered_with_502(listen: Listen) -> None:
    with listen("--forward-to", "http://127.0.0.1:9", "--count", "1") as listener:
        assert listener.post(EVENT) == 502
        code, out, _ = listener.ended()
    assert code == 3
    assert "failed" in out
    assert "Connection refused" in out


def test_a_sender_that_hangs_up_is_said_in_a_line(listen: Listen) -> None:
    with Endpoint([]) as endpoint, listen("--forward-to", endpoint.url, "--count", "1") as listener:
        host, port = listener.host.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        assert listener.post(EVENT) == 204
        code, _, err = listener.ended()
    assert code == 0
    assert "Traceback" not in err


def test_ctrl_c_ends_it_with_130_and_a_summary(listen: Listen) -> None:
    with listen("--forward-to", "http://127.0.0.1:9") as listener:
        listener.process.send_signal(signal.SIGINT)
        code, _, err = listener.ended()
    assert code == 130
    assert "0 received, 0 not passed on" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_what_cannot_be_written_down_ends_it_and_is_delivered_again(listen: Listen) -> None:
    with Endpoint([]) as endpoint, listen("--forward-to", endpoint.url, "--record", "/dev/full") as listener:
        assert listener.post(EVENT) == 500
        code, _, err = listener.ended()
    assert code == 1
    assert "kraty: --record /dev/full: No space left on device; the last delivery was answered with 500" in err


def test_other_requests_are_refused_and_it_goes_on(listen: Listen) -> None:
    with Endpoint([]) as endpoint, listen("--forward-to", endpoint.url, "--count", "1") as listener:
        host, port = listener.host.split(":")
        for request, status in (
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b"400"),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", b"413"),
            (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        ):
            with socket.create_connection((host, int(port)), timeout=60) as connection:
                connection.sendall(request)
                assert connection.recv(1000).split()[1] == status
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (EVENT[:7], EVENT[7:])) + b"0\r\n\r\n"
        head = f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Signature: {sign(EVENT, SECRET)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(head.encode() + chunks)
            assert connection.recv(1000).split()[1] == b"204"
        assert listener.ended()[0] == 0
    assert endpoint.received[0][0] == EVENT


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_a_body_in_chunks_is_read_as_it_was(parts: list[bytes]) -> None:
    headers = Message()
    headers["Transfer-Encoding"] = "chunked"
    wire = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\nrest"
    stream = io.BytesIO(wire)
    assert read_body(headers, stream) == b"".join(parts)
    assert stream.read() == b"rest"
    if parts:
        assert read_body(headers, io.BytesIO(wire), limit=len(b"".join(parts)) - 1) is None
        with pytest.raises(ValueError, match="ended too early|invalid literal"):
            read_body(headers, io.BytesIO(wire[: len(parts[0]) + 1]))


def test_a_port_that_is_taken_and_a_file_that_cannot_be_are_said(kraty: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = kraty("listen", "--forward-to", "http://127.0.0.1:9", "--port", port)
    assert (ended.code, ended.out) == (1, "")
    assert f"cannot listen on 127.0.0.1, port {port}" in ended.err
    assert kraty("listen", "--forward-to", "http://127.0.0.1:9", "--record", "no/where").code == 2
    assert kraty("listen", "--forward-to", "http://127.0.0.1:9", "--port", "65536").code == 2
    assert kraty("listen", "--forward-to", "http://127.0.0.1:9", "--count", "0").code == 2
    for url in ("127.0.0.1:9", "ftp://x", "http://", "http://a:b"):
        assert kraty("listen", "--forward-to", url).code == 2


def test_verify_says_why_not_with_the_reasons_of_the_receiver(kraty: Run, tmp_path: Path) -> None:
    now = int(time.time())
    (tmp_path / "event.json").write_bytes(EVENT)
    (tmp_path / "line.json").write_bytes(EVENT + b"\n")
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "list.json").write_bytes(b"[]")
    (tmp_path / "nameless.json").write_bytes(b"{}")
    genuine = kraty("webhook", "verify", "event.json", "--signature", sign(EVENT, SECRET))
    assert (genuine.code, genuine.out) == (0, "genuine: wallet.changed evt_1 of 2026-11-26 10:00 UTC\n")
    cases = {
        "signature_missing": ("event.json", ""),
        "signature_malformed": ("event.json", "v1=5"),
        "signature_mismatch": ("event.json", sign(EVENT, "whsec_other")),
        "too_old": ("event.json", sign(EVENT, SECRET, now - 4000)),
        "in_the_future": ("event.json", sign(EVENT, SECRET, now + 4000)),
        "body_empty": ("empty.json", sign(EVENT, SECRET)),
        "body_unreadable": ("list.json", sign(b"[]", SECRET)),
    }
    causes = {str(reason): refusal.cause for reason, refusal in REFUSALS.items()}
    assert cases.keys() == causes.keys() - {"body_not_bytes"}
    for reason, (path, signature) in cases.items():
        ended = kraty("webhook", "verify", path, f"--signature={signature}")
        assert (ended.code, ended.out) == (1, f"refused: {reason}\n  {causes[reason]}\n")
        told = kraty("webhook", "verify", path, f"--signature={signature}", "--json").json
        assert (told["genuine"], told["reason"]) == (False, reason)
    assert kraty("webhook", "verify", "nameless.json", f"--signature={sign(b'{}', SECRET)}").code == 1
    ended = kraty("webhook", "verify", "line.json", "--signature", sign(EVENT, SECRET))
    assert "without the line break" in ended.out
    old = kraty("webhook", "verify", "event.json", "--signature", sign(EVENT, SECRET, 1000), "--at", "1100", "--json")
    assert (old.code, old.json["genuine"], old.json["id"]) == (0, True, "evt_1")
    strict = ("--signature", sign(EVENT, SECRET, 1000), "--at", "1100", "--tolerance", "99")
    assert "too_old" in kraty("webhook", "verify", "event.json", *strict).out


def test_sign_prints_what_kraty_would_send(kraty: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "event.json").write_bytes(EVENT)
    assert kraty("webhook", "sign", "event.json", "--at", "1000").out == sign(EVENT, SECRET, 1000) + "\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(EVENT)))
    assert kraty("webhook", "sign", "-", "--at", "1000", "--json").json == {"signature": sign(EVENT, SECRET, 1000)}
    absent = kraty("webhook", "sign", "absent.json")
    assert (absent.code, absent.out) == (2, "")
    assert "absent.json: No such file" in absent.err


def test_send_makes_a_signed_event_or_sends_a_body_as_it_is(kraty: Run, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_bytes(EVENT)
    with Endpoint([204, 204, 500]) as endpoint:
        ended = kraty(
            "webhook", "send", endpoint.url, "--event", "player.banned", "--data", '{"externalPlayerId":"ada"}'
        )
        assert ended.code == 0
        assert re.fullmatch(r"204 in \d+ ms  player\.banned  evt_\w+\n", ended.out)
        assert kraty("webhook", "send", endpoint.url, "--body", "event.json").code == 0
        failed = kraty("webhook", "send", endpoint.url, "--body", "event.json", "--json")
        assert (failed.code, failed.json["status"]) == (1, 500)
    body, signature = endpoint.received[0]
    assert json.loads(body)["data"] == {"externalPlayerId": "ada"}
    assert signature == sign(body, SECRET, int(signature[2:12]))
    assert endpoint.received[1][0] == EVENT
    nobody = kraty("webhook", "send", "http://127.0.0.1:9", "--event", "player.banned")
    assert nobody.code == 1
    assert "no answer: ConnectError" in nobody.out
    assert kraty("webhook", "send", endpoint.url, "--event", "banned").code == 2


def recorded(**row: Any) -> str:
    return json.dumps({"id": "evt_1", "event": "wallet.changed", "result": "forwarded", "body": EVENT.decode(), **row})


def test_replay_sends_what_was_genuine_signed_anew(kraty: Run, tmp_path: Path) -> None:
    odd = recorded(id="evt_2", body=None, body_base64="/w==")
    lines = [recorded(), odd, "", recorded(id="evt_3", result="refused")]
    (tmp_path / "record.jsonl").write_text("\n".join(lines))
    with Endpoint([]) as endpoint:
        ended = kraty("webhook", "replay", "record.jsonl", "--to", endpoint.url, "--at", "1000")
        assert (ended.code, len(ended.out.splitlines())) == (0, 2)
        assert "1 left out that `kraty listen` had refused" in ended.err
        assert endpoint.received == [(EVENT, sign(EVENT, SECRET, 1000)), (b"\xff", sign(b"\xff", SECRET, 1000))]
        one = kraty("webhook", "replay", "record.jsonl", "--to", endpoint.url, "--id", "evt_2", "--json")
        assert one.json["id"] == "evt_2"
        absent = kraty("webhook", "replay", "record.jsonl", "--to", endpoint.url, "--id", "evt_3")
        assert (absent.code, absent.out) == (2, "")
    assert kraty("webhook", "replay", "record.jsonl", "--to", "http://127.0.0.1:9").code == 3
    for line in ("{", "[]", "{}", recorded(body=None), recorded(body_base64="!")):
        (tmp_path / "bad.jsonl").write_text(line)
        ended = kraty("webhook", "replay", "bad.jsonl", "--to", "http://127.0.0.1:9")
        assert ended.code == 2
        assert "bad.jsonl, line 1" in ended.err


def test_replay_takes_what_an_emulator_delivered(kraty: Run, emulator: Emulator) -> None:
    kraty("credit", "ada", "gold", "5", "--key", "k", "--yes")
    with Endpoint([]) as endpoint:
        ended = kraty("webhook", "replay", emulator.url, "--to", endpoint.url, "--json")
        assert (ended.code, ended.json["event"]) == (0, "wallet.changed")
    assert endpoint.received[0][0] == emulator.collected[0].raw_body
    ended = kraty("webhook", "replay", "http://127.0.0.1:9", "--to", endpoint.url)
    assert (ended.code, ended.out) == (1, "")
    assert "no emulator that answers" in ended.err

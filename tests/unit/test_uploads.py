"""A form with files goes out whole, again for each attempt where it can be read again, and never half as a whole."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kraty_server import InternalServerError, KratyTimeoutError, RetryConfig
from kraty_server._form import CHUNK, Form
from tests.flavours import SENDERS, Sender, every_sender
from tests.servers.raw import RawServer, Reply
from tests.unit.media import Part, add

DATA = os.urandom(3 * CHUNK + 7)
GOOD = Reply(body=b'{"ok":true}')
OPTIONS: dict[str, Any] = {"api_key": "prefix.secret", "retry": RetryConfig(initial_delay=0.001)}

on_event_loops = pytest.mark.parametrize(
    "sender", [one for one in SENDERS if not one.blocking], ids=lambda one: one.name
)


class Unseekable(io.RawIOBase):
    """A pipe, or an answer of another server that is handed on."""

    def __init__(self, data: bytes) -> None:
        self.inner = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(size)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(DATA)
    return tmp_path / "a.png"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda path: DATA,
    "path": lambda path: path,
    "file": lambda path: io.BytesIO(DATA),
    "stream": lambda path: Unseekable(DATA),
}


@every_sender
@pytest.mark.parametrize("source", SOURCES)
def test_a_form_is_sent_as_browsers_send_it(source: str, sender: Sender, path: Path) -> None:
    with RawServer([GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        body = {"file": Part(SOURCES[source](path), 'a"\r\n.png'), "text": "é", "numbers": [1.0, 2.5], "part": {"n": 1}}
        assert add(use, **body, live=True, idempotencyKey="k") == {"ok": True}
    (arrived,) = server.arrived
    kind, _, boundary = arrived.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    assert ("content-length" in arrived.headers) == (source != "stream")
    assert arrived.headers["authorization"] == "Bearer prefix.secret"
    parts = arrived.body.removeprefix(f"--{boundary}\r\n".encode()).split(f"\r\n--{boundary}".encode())
    assert [part.removeprefix(b"\r\n") for part in parts] == [
        b'Content-Disposition: form-data; name="file"; filename="a%22%0D%0A.png"\r\nContent-Type: image/png\r\n\r\n' + DATA,
        'Content-Disposition: form-data; name="text"\r\n\r\né'.encode(),
        b'Content-Disposition: form-data; name="numbers"\r\n\r\n1',
        b'Content-Disposition: form-data; name="numbers"\r\n\r\n2.5',
        b'Content-Disposition: form-data; name="part"\r\nContent-Type: application/json\r\n\r\n{"n":1}',
        b'Content-Disposition: form-data; name="live"\r\n\r\ntrue',
        b'Content-Disposition: form-data; name="idempotencyKey"\r\n\r\nk',
        b"--\r\n",
    ]  # fmt: skip


@every_sender
@pytest.mark.parametrize("source", ["bytes", "path", "file"])
def test_each_attempt_sends_the_same_bytes(source: str, sender: Sender, path: Path) -> None:
    content = SOURCES[source](path)
    if source == "file":
        content.seek(5)
    with RawServer([Reply(503), Reply(503), GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        add(use, file=Part(content))
    first, *others = (arrived.body for arrived in server.arrived)
    assert others == [first, first]
    assert (DATA[5:] if source == "file" else DATA) in first
    assert b'name="idempotencyKey"' in first
    assert source != "file" or DATA not in first


@every_sender
def test_a_stream_that_cannot_be_rewound_is_sent_once_and_says_so(sender: Sender) -> None:
    with (
        RawServer([Reply(503), GOOD]) as server,
        sender(base_url=server.url, **OPTIONS) as use,
        pytest.raises(InternalServerError) as caught,
    ):
        add(use, file=Part(Unseekable(DATA)))
    assert len(server.arrived) == 1
    assert any("it was sent once" in note for note in caught.value.__notes__)


@every_sender
def test_a_file_that_is_too_long_is_not_sent(sender: Sender, path: Path) -> None:
    told = "file: at most 10 bytes are taken, got "
    with RawServer([GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        for source in SOURCES.values():
            with pytest.raises(ValueError, match=told):
                add(use, file=Part(source(path), max_bytes=10))
        assert add(use, text="after") == {"ok": True}
    (arrived,) = server.arrived  # the stream, whose length nobody knew, broke off
    assert b"after" in arrived.body


class Broken(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError("the disk is gone")


@every_sender
def test_an_error_of_the_file_is_raised_as_it_is_and_nothing_is_tried_again(sender: Sender, path: Path) -> None:
    with RawServer([GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        with pytest.raises(OSError, match="the disk is gone") as caught:
            add(use, file=Part(Broken(DATA)))
        assert "files.add was under way, attempt 1" in caught.value.__notes__[0]
        with pytest.raises(FileNotFoundError):
            add(use, file=Part(path.with_name("nowhere")))
        with pytest.raises(IsADirectoryError, match="file: .* is a folder"):
            add(use, file=Part(path.parent))
        with pytest.raises(TypeError, match="open it with 'rb'"):
            add(use, file=Part(io.StringIO("text")))
    assert server.arrived == []


def test_a_file_that_became_shorter_is_no_whole_one(path: Path) -> None:
    form = Form({"file": Part(path)})
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="the file ended after 5 bytes; it had"):
        list(form.chunks())
    assert isinstance(form.failure, ValueError)


def test_what_is_written_behind_the_end_meanwhile_is_not_sent(path: Path) -> None:
    form = Form({"file": Part(path)})
    with path.open("ab") as file:
        file.write(b"more")
    assert len(b"".join(form.chunks())) == form.length


def test_an_attempt_that_was_given_up_does_not_disturb_the_next_one() -> None:
    form = Form({"file": Part(io.BytesIO(DATA))})
    first, second = form.chunks(), form.chunks()
    whole = b""
    for chunk in second:
        whole += chunk
        next(first, None)
    assert DATA in whole


def test_a_stream_that_was_not_read_yet_can_be_sent_again() -> None:
    form = Form({"file": Part(Unseekable(DATA))})
    assert form.is_repeatable
    chunks = form.chunks()
    next(chunks)
    assert form.is_repeatable
    next(chunks)
    assert not form.is_repeatable


def test_a_text_that_no_form_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="text: holds half of a surrogate pair"):
        Form({"text": "\ud800"})


class Waiting(io.BytesIO):
    """Waits for somebody before it gives its bytes."""

    def __init__(self) -> None:
        super().__init__(DATA)
        self.come = threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        assert self.come.wait(30)
        return super().read(size)


@on_event_loops
def test_a_file_that_is_read_slowly_does_not_hold_up_the_event_loop(sender: Sender) -> None:
    file = Waiting()
    with RawServer([GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        use.loop.get_loop().call_later(0.05, file.come.set)  # type: ignore[attr-defined]  # it has one
        add(use, file=Part(file))
    assert DATA in server.arrived[0].body


@on_event_loops
def test_a_pipe_that_stalls_holds_an_async_call_to_the_wall(sender: Sender) -> None:
    file = Waiting()
    try:
        with RawServer([GOOD]) as server, sender(base_url=server.url, **OPTIONS, timeout=0.2, deadline=0.3) as use:
            try:
                with pytest.raises(KratyTimeoutError):
                    add(use, file=Part(file))
            finally:
                file.come.set()
    finally:
        file.come.set()
    assert server.arrived == []

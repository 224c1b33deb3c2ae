"""Bytes that a call gives are read while they arrive, up to a limit and to the walls; no connection is left behind."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kraty_server import (
    KratyClosedError,
    KratyNetworkError,
    KratyServerError,
    KratyTimeoutError,
    NotFoundError,
    RetryConfig,
)
from kraty_server.downloads import AsyncDownload, Download
from tests.flavours import Sender, every_sender, our_senders
from tests.servers.raw import RawServer, Reply
from tests.unit.media import AsyncFiles, Files, files, get

DATA = os.urandom(200_007)
IMAGE = {"content-type": "image/png"}
GOOD = Reply(body=DATA, headers=IMAGE)
OPTIONS: dict[str, Any] = {"api_key": "prefix.secret", "retry": RetryConfig(initial_delay=0.001)}


def read(**limits: Any) -> Callable[[Any], Any]:
    return lambda download: download.read(**limits)


def pieces(download: Any) -> Any:
    if isinstance(download, Download):
        return list(download)

    async def awaited() -> list[bytes]:
        return [piece async for piece in download]

    return awaited()


def looked_at(download: Any) -> Any:
    """Look at the first piece, and leave the rest."""
    if isinstance(download, Download):
        with download:
            return next(iter(download.chunks()))

    async def awaited() -> Any:
        async with download:
            return await anext(download.chunks())

    return awaited()


@every_sender
def test_a_download_is_read_whole_in_pieces_or_into_a_file(sender: Sender, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    with RawServer([GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        assert get(use, read()) == DATA
        got = get(use, pieces)
        assert b"".join(got) == DATA
        assert get(use, lambda download: download.write_to(path)) == len(DATA)
        assert path.read_bytes() == DATA
        with (tmp_path / "b.png").open("wb") as file:
            assert get(use, lambda download: download.write_to(file)) == len(DATA)
        assert (tmp_path / "b.png").read_bytes() == DATA
        assert len(server.connections) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert server.arrived[0].headers["accept"] == "image/png, application/json"
    assert server.arrived[0].headers["accept-encoding"] == "identity"


@every_sender
def test_a_download_says_what_it_is(sender: Sender) -> None:
    def told(download: Any) -> Any:
        found = download.content_type, download.length, download.headers["x-more"], repr(download)
        return found if isinstance(download, Download) else later(download, found)

    async def later(download: AsyncDownload, found: Any) -> Any:
        await download.aclose()
        return found

    more = Reply(body=b"abc", headers={**IMAGE, "x-more": "yes"})
    with RawServer([more]) as server, sender(base_url=server.url, **OPTIONS) as use:
        kind, length, header, text = get(use, told)
    assert (kind, length, header) == ("image/png", 3, "yes")
    assert text.endswith("Download(content_type='image/png', length=3)")


def hung_up(connection: socket.socket) -> bool:
    """Whether the client closes its end of a connection: the server closes its own then."""
    end = time.monotonic() + 10
    while connection.fileno() >= 0 and time.monotonic() < end:
        time.sleep(0.01)
    return connection.fileno() < 0


@our_senders
def test_what_is_left_unread_closes_its_connection_and_the_next_call_has_another(sender: Sender) -> None:
    long = Reply(body=DATA * 40, headers=IMAGE)
    with RawServer([long, GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        assert (DATA * 2).startswith(get(use, looked_at)[:1000])
        assert get(use, read()) == DATA
        assert len(server.connections) == 2


@our_senders
def test_a_download_that_is_dropped_closes_its_connection(sender: Sender) -> None:
    stalled = Reply(body=DATA, headers=IMAGE, hang="body")
    with RawServer([stalled, GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        use.kraty._connections.limits = use.kraty._connections.limits._replace(max_connections=1)
        use(lambda kraty: files(kraty).get())
        use.rest(0.01)
        assert hung_up(server.connections[0])
        assert get(use, read()) == DATA


@every_sender
@pytest.mark.parametrize("announced", [True, False])
def test_more_than_is_wanted_is_an_error_and_not_read(announced: bool, sender: Sender, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    reply = GOOD if announced else Reply(body=chunked(DATA), headers={**IMAGE, "transfer-encoding": "chunked"})
    steps: list[tuple[Callable[[Any], Any], dict[str, Any]]] = [
        (read(max_bytes=1000), {}),
        (read(), {"max_bytes": 1000}),
        (lambda download: download.write_to(path, max_bytes=1000), {}),
    ]
    with RawServer([reply]) as server, sender(base_url=server.url, **OPTIONS) as use:
        for step, arguments in steps:
            with pytest.raises(KratyServerError, match="longer than 1000 bytes") as caught:
                get(use, step, **arguments)
            error = caught.value
            assert (error.code, error.outcome, error.operation, error.attempts) == (
                "internal_error", "unknown", "files.get", 1,
            )  # fmt: skip
        assert get(use, read(max_bytes=len(DATA))) == DATA
    assert list(tmp_path.iterdir()) == []


def chunked(data: bytes) -> bytes:
    return (
        b"".join(
            b"%x\r\n%b\r\n" % (len(part), part) for part in (data[i : i + 5000] for i in range(0, len(data), 5000))
        )
        + b"0\r\n\r\n"
    )


@every_sender
def test_a_download_that_is_cut_is_a_network_error_and_leaves_the_file_as_it_was(
    sender: Sender, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    with cut() as url, sender(base_url=url, **OPTIONS) as use, pytest.raises(KratyNetworkError) as caught:
        get(use, lambda download: download.write_to(path))
    error = caught.value
    assert (error.outcome, error.operation, error.attempts, error.is_retryable) == ("unknown", "files.get", 1, True)
    assert "secret" not in str(error)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.png", b"before")]


@contextmanager
def cut() -> Iterator[str]:
    """A server that closes the connection amid the body."""
    with serving(lambda connection: connection.sendall(HEAD + DATA[:1000])) as url:
        yield url


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 200007\r\n\r\n"


@contextmanager
def serving(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        answer(connection)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@every_sender
def test_a_body_that_stalls_ends_at_the_time_out(sender: Sender) -> None:
    stalled = Reply(body=DATA, headers=IMAGE, hang="body")
    with (
        RawServer([stalled]) as server,
        sender(base_url=server.url, **OPTIONS, timeout=0.2, deadline=30) as use,
        pytest.raises(KratyTimeoutError, match=r"files\.get: no answer in time after 1 attempt"),
    ):
        get(use, read())


@every_sender
def test_a_body_that_drips_ends_at_the_deadline(sender: Sender) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        while not over.wait(0.02):
            connection.sendall(b"a")

    with (
        serving(drip) as url,
        sender(base_url=url, **OPTIONS, timeout=30, deadline=0.5) as use,
        pytest.raises(KratyTimeoutError),
    ):
        get(use, read())
    over.set()


@every_sender
def test_errors_are_those_of_any_call_and_attempts_too(sender: Sender) -> None:
    missing = Reply(404, b'{"error":{"code":"not_found","message":"no such file"}}')
    with RawServer([Reply(503), GOOD, missing]) as server, sender(base_url=server.url, **OPTIONS) as use:
        assert get(use, read()) == DATA
        with pytest.raises(NotFoundError, match="no such file"):
            get(use, read())
    assert len(server.arrived) == 3


@every_sender
def test_another_kind_of_answer_is_an_error(sender: Sender) -> None:
    page = Reply(body=b"<html>Sign in", headers={"content-type": "text/html"})
    with RawServer([page, GOOD]) as server, sender(base_url=server.url, **OPTIONS) as use:
        with pytest.raises(KratyServerError, match="was not image/png: <html>Sign in") as caught:
            get(use, read())
        assert caught.value.outcome == "unknown"
        assert get(use, read(), media_types=("text/*", "image/*")) == DATA


@every_sender
def test_what_comes_compressed_without_being_asked_for_is_decompressed(sender: Sender) -> None:
    zipped = Reply(body=gzip.compress(DATA), headers={**IMAGE, "content-encoding": "gzip"})
    broken = Reply(body=gzip.compress(DATA)[:5000], headers={**IMAGE, "content-encoding": "gzip"})
    with RawServer([zipped, broken]) as server, sender(base_url=server.url, **OPTIONS) as use:
        assert get(use, read()) == DATA
        with pytest.raises(KratyNetworkError, match="ended in the middle of its gzip"):
            get(use, read())


@every_sender
def test_a_download_is_read_once(sender: Sender) -> None:
    def twice(download: Any) -> Any:
        if isinstance(download, Download):
            download.read()
            return download.read()

        async def awaited() -> Any:
            await download.read()
            return await download.read()

        return awaited()

    with (
        RawServer([GOOD]) as server,
        sender(base_url=server.url, **OPTIONS) as use,
        pytest.raises(ValueError, match="read or closed already"),
    ):
        get(use, twice)


@our_senders
def test_closing_the_client_ends_a_download(sender: Sender) -> None:
    def closed(download: Any) -> Any:
        if isinstance(download, Download):
            use.kraty.close()
            return download.read()

        async def awaited() -> Any:
            await use.kraty.aclose()
            return await download.read()

        return awaited()

    stalled = Reply(body=DATA, headers=IMAGE, hang="body")
    with (
        RawServer([stalled]) as server,
        sender(base_url=server.url, **OPTIONS) as use,
        pytest.raises(KratyClosedError),
    ):
        get(use, closed)


def test_a_method_that_downloads_says_so_in_its_annotations() -> None:
    assert Files.get.__annotations__["return"] is Download
    assert AsyncFiles.get.__annotations__["return"] is AsyncDownload

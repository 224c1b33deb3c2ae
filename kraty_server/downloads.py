"""What does a call give whose answer is no JSON but bytes? An object that reads them while they arrive.

Nothing is held in memory but what `read` is asked for. The connection is held until the end, so a download is closed:
by `with`, by reading it to its end, or when it is dropped.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, Final, Self, cast

from kraty_server._flow import Opened, receive
from kraty_server._http.messages import AsyncBodyStream, BodyStream, Flow
from kraty_server._options import Options

__all__ = ["AsyncDownload", "Download"]

MAX_READ: Final = 32 * 1024 * 1024
"""Bytes that `read` holds in memory, where nobody says otherwise."""


class _Download:
    """What both flavours share."""

    def __init__(self, opened: Opened, options: Options) -> None:
        self._opened, self._options = opened, options
        self._received = 0
        self._is_over = False

    @property
    def content_type(self) -> str | None:
        """What the server says that it is."""
        return self.headers.get("content-type")

    @property
    def length(self) -> int | None:
        """The bytes that the server announces; None where only the end tells."""
        return self._opened.length()

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer, asked for by lower-case names."""
        return self._opened.answer.headers

    def _next(self, max_bytes: int | None) -> Flow[bytes]:
        if self._is_over:
            raise ValueError("this download was read or closed already; make the call again")
        limits = [limit for limit in (max_bytes, self._opened.call.max_bytes) if limit is not None]
        return receive(self._opened, self._options, self._received, min(limits, default=None))

    def _count(self, chunk: bytes) -> bytes:
        self._received += len(chunk)
        self._is_over = not chunk
        return chunk

    def __repr__(self) -> str:
        return f"{type(self).__name__}(content_type={self.content_type!r}, length={self.length})"


class Download(_Download):
    """Bytes that a call gives. Iterate over it for pieces as they arrive, or `read()` it, or `write_to()` a file.

    A wait for the next bytes ends at the client's `timeout`, and the whole download at its `deadline`: give more with
    `with_options` for what is large. What goes wrong raises as it does in a call, with the same fields. It is not tried
    again by itself: make the call again.
    """

    def __init__(self, opened: Opened, options: Options, run: Callable[[Flow[bytes]], bytes]) -> None:
        super().__init__(opened, options)
        self._run = run

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks()

    def chunks(self, *, max_bytes: int | None = None) -> Iterator[bytes]:
        """Give pieces as they arrive, up to a limit; close the connection where the loop is left early."""
        try:
            while chunk := self._count(self._run(self._next(max_bytes))):
                yield chunk
        finally:
            self.close()

    def read(self, *, max_bytes: int = MAX_READ) -> bytes:
        """Read all of it into memory, up to a limit."""
        return b"".join(self.chunks(max_bytes=max_bytes))

    def write_to(self, target: str | os.PathLike[str] | IO[bytes], *, max_bytes: int | None = None) -> int:
        """Write all of it to a path or a file that is open for writing bytes, up to a limit, and count the bytes.

        At a path the file appears when it is whole. What was there before stays until then.
        """
        with _written(target) as file:
            for chunk in self.chunks(max_bytes=max_bytes):
                file.write(chunk)
        return self._received

    def close(self) -> None:
        """Let go of the connection; it is closed where something was left unread."""
        self._is_over = True
        cast("BodyStream", self._opened.answer.stream).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncDownload(_Download):
    """Bytes that a call gives, for asyncio: see `Download`. Iterate with `async for`, close with `async with`.

    A file is written in a thread, so that the event loop does not wait for a disk.
    """

    def __init__(
        self, opened: Opened, options: Options, run: Callable[[Flow[bytes]], Coroutine[Any, Any, bytes]]
    ) -> None:
        super().__init__(opened, options)
        self._run = run

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks()

    async def chunks(self, *, max_bytes: int | None = None) -> AsyncIterator[bytes]:
        """Give pieces as they arrive, up to a limit; close the connection where the loop is left early."""
        try:
            while chunk := self._count(await self._run(self._next(max_bytes))):
                yield chunk
        finally:
            await self.aclose()

    async def read(self, *, max_bytes: int = MAX_READ) -> bytes:
        """Read all of it into memory, up to a limit."""
        return b"".join([chunk async for chunk in self.chunks(max_bytes=max_bytes)])

    async def write_to(self, target: str | os.PathLike[str] | IO[bytes], *, max_bytes: int | None = None) -> int:
        """Write all of it to a path or a file that is open for writing bytes, up to a limit, and count the bytes.

        At a path the file appears when it is whole. What was there before stays until then.
        """
        import asyncio  # who blocks does not need it

        with _written(target) as file:
            async for chunk in self.chunks(max_bytes=max_bytes):
                await asyncio.to_thread(file.write, chunk)
        return self._received

    async def aclose(self) -> None:
        """Let go of the connection; it is closed where something was left unread."""
        self._is_over = True
        await cast("AsyncBodyStream", self._opened.answer.stream).aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@contextmanager
def _written(target: str | os.PathLike[str] | IO[bytes]) -> Generator[IO[bytes]]:
    """A file to write to, which takes the place of what is at the path when all is written."""
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    path = os.fspath(target)
    unfinished = f"{path}.{os.urandom(4).hex()}.part"
    try:
        with open(unfinished, "xb") as file:
            yield file
        os.replace(unfinished, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
        raise

"""How does a body get out that is read while it is sent? As httpx takes it, and without holding up an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx

from kraty_server._http.messages import Upload


class UploadStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An upload as the transports of httpx take it."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload

    def __iter__(self) -> Iterator[bytes]:
        return self.upload.chunks()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return chunks_of(self.upload)


async def chunks_of(upload: Upload) -> AsyncIterator[bytes]:
    """Read an upload on an event loop; what waits for a disk or a pipe waits in a thread."""
    chunks = upload.chunks()
    if not upload.blocks:
        for chunk in chunks:
            yield chunk
        return
    loop = asyncio.get_running_loop()
    while chunk := await loop.run_in_executor(None, next, chunks, b""):
        yield chunk

"""What is the body of an answer? Collected up to a limit, and decompressed."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

ACCEPT_ENCODING: Final = "gzip, deflate"


class Decompressor(Protocol):
    """What `zlib.decompressobj` makes."""

    @property
    def eof(self) -> bool:
        """Whether what was compressed has ended."""
        ...

    @property
    def unconsumed_tail(self) -> bytes:
        """What is still to be decompressed, since as much came out as was wanted."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What stands behind what was compressed."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Decompress so much."""
        ...


class UnreadableBody(OSError):
    """The server sent what its headers do not promise."""


def _encoding(header: str) -> str | None:
    name = header.strip().lower()
    return None if name in ("", "identity") else name


class Body:
    """The body of an answer, as far as it came."""

    __slots__ = ("content", "encoding", "limit", "zipped")

    content: bytearray
    limit: int
    encoding: str | None
    zipped: Decompressor | None

    def __init__(self, encoding: str | None, limit: int) -> None:
        self.content = bytearray()
        self.limit = limit
        self.encoding = encoding and _encoding(encoding)
        self.zipped = None

    def add(self, chunk: bytes) -> bool:
        """Take the next bytes; False where no more are wanted, since the limit is passed."""
        content = self.content
        if self.encoding:
            self._decompress(chunk)
        else:
            content += chunk
        return len(content) <= self.limit

    def take(self, chunk: bytes) -> bytes:
        """What the next bytes say, decompressed: for a body that is read while it arrives, and not collected.

        Raises:
            UnreadableBody: it becomes more than the limit at once, or is not what its headers say.
        """
        if not self.encoding:
            return chunk
        if not self.add(chunk):
            raise UnreadableBody(f"{len(chunk)} bytes of the body become more than {self.limit}")
        content = bytes(self.content)
        self.content.clear()
        return content

    def _decompress(self, chunk: bytes) -> None:
        try:
            while chunk and len(self.content) <= self.limit:
                if self.zipped is None or self.zipped.eof:  # gzip may have several members, and zeros after the last
                    if self.zipped is not None and not chunk.strip(b"\0"):
                        return
                    self.zipped = self._decompressor(chunk)
                self.content += self.zipped.decompress(chunk, self.limit + 1 - len(self.content))
                chunk = self.zipped.unconsumed_tail or self.zipped.unused_data
        except zlib.error as error:
            raise UnreadableBody(f"the body is not the {self.encoding} that its headers say: {error}") from None

    def _decompressor(self, chunk: bytes) -> Decompressor:
        if self.encoding in ("gzip", "x-gzip"):
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        if self.encoding == "deflate":  # in zlib's format, or bare as some servers send it
            wrapped = chunk[0] & 0x0F == 8 and (len(chunk) == 1 or int.from_bytes(chunk[:2]) % 31 == 0)
            return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        raise UnreadableBody(f"the body has the encoding {self.encoding!r}; {ACCEPT_ENCODING} were asked for")

    def finish(self) -> tuple[bytes, bool]:
        """The body, and whether it is complete; False where it was longer than the limit, and this is its beginning.

        Raises:
            UnreadableBody: it ended too early.
        """
        if len(self.content) > self.limit:
            return bytes(self.content[: self.limit]), False
        if self.zipped is not None and not self.zipped.eof:
            raise UnreadableBody(f"the body ended in the middle of its {self.encoding}")
        return bytes(self.content), True

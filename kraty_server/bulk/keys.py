"""Which row is this? Idempotency keys from a row's natural key, and the digests that the journal remembers.

A key is `<job>/<natural key>` and never holds a row number, so that a file may be shuffled, extended and corrected.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final
from zlib import crc32

KEY_SIZE: Final = 12
BODY_SIZE: Final = 4
RECORD_SIZE: Final = KEY_SIZE + BODY_SIZE
"""Bytes that the journal holds of a row: of its key, and of what is sent under it."""
LONGEST: Final = 255
"""Characters of a key; a longer natural key is replaced by its digest."""


def row_key(prefix: str, natural: Sequence[str]) -> str:
    """Join a job's prefix (`<job>/`) and a natural key; two natural keys never give the same."""
    joined = "/".join(natural)
    if "%" in joined or joined.count("/") >= len(natural):
        joined = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in natural)
    if len(prefix) + len(joined) > LONGEST:
        joined = "#" + blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
    return prefix + joined


def record(key: str, content: str) -> bytes:
    """Digest a key, and what is sent under it: equal for equal rows, whichever run makes it."""
    name = key.encode("utf-8", "surrogatepass")  # a key that somebody typed may hold anything
    return blake2b(name, digest_size=KEY_SIZE).digest() + crc32(content.encode()).to_bytes(BODY_SIZE, "big")


def records(keys: Sequence[str], contents: Iterable[str]) -> list[bytes]:
    """Digest many rows as `record` does; neither keys nor contents may hold line breaks."""
    names = "\n".join(keys).encode().split(b"\n")
    bodies = "\n".join(contents).encode().split(b"\n")
    checks = struct.pack(f">{len(bodies)}I", *map(crc32, bodies))
    return [
        blake2b(name, digest_size=KEY_SIZE).digest() + checks[at : at + BODY_SIZE]
        for name, at in zip(names, range(0, len(checks), BODY_SIZE), strict=True)
    ]


def shard_of(row: bytes, count: int) -> int:
    """Tell which of `count` shards a row belongs to."""
    return int.from_bytes(row[:BODY_SIZE], "big") % count


class KeyIndex:
    """Remembers the records of rows: 10 million in some 105 MB.

    A Python set would take 700 MB. A bucket for each value of the first 15 bits of a key's digest holds its last 7
    bytes and 3 of the body, one after the other, and is searched by `bytes.find`. More buckets would be quicker to
    search, but stay small for millions of rows, and the allocator of small objects gives nothing back. The odds that
    any two of 10 million keys share these 71 bits are one in forty million; that a changed row is taken for an equal
    one, one in 16 million. Records are taken many at once, one after the other: the parts of all of them are then cut
    out together.
    """

    REST: Final = 7
    BODY: Final = 3
    WIDTH: Final = REST + BODY
    PARTS: Final = struct.Struct(f">H{KEY_SIZE - REST - 2}x{WIDTH}s{BODY_SIZE - BODY}x")

    def __init__(self) -> None:
        self._buckets: list[bytes] = [b""] * 2**15
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, rows: bytes) -> None:
        """Remember rows that are not remembered yet."""
        buckets = self._buckets
        for number, entry in self._parts(rows):
            buckets[number >> 1] += entry
        self._count += len(rows) // RECORD_SIZE

    def bodies(self, rows: bytes) -> dict[int, bytes]:
        """Give the beginning of the body's digest that each of these keys was remembered with, by the row's number."""
        buckets, size = self._buckets, self.REST
        return {
            index: body
            for index, (number, entry) in enumerate(self._parts(rows))
            if (body := self._find(buckets[number >> 1], entry[:size])) is not None
        }

    def bodies_or_add(self, rows: bytes) -> dict[int, bytes]:
        """Give the same, and remember the others."""
        buckets, size, found = self._buckets, self.REST, dict[int, bytes]()
        for index, (number, entry) in enumerate(self._parts(rows)):
            bucket = buckets[number >> 1]
            if entry[:size] in bucket and (body := self._find(bucket, entry[:size])) is not None:
                found[index] = body
            else:
                buckets[number >> 1] = bucket + entry
        self._count += len(rows) // RECORD_SIZE - len(found)
        return found

    def _parts(self, rows: bytes) -> Iterator[tuple[int, bytes]]:
        return self.PARTS.iter_unpack(rows)

    def _find(self, bucket: bytes, rest: bytes) -> bytes | None:
        at = bucket.find(rest)
        while at >= 0:
            if at % self.WIDTH == 0:
                return bucket[at + self.REST : at + self.WIDTH]
            at = bucket.find(rest, at + 1)
        return None

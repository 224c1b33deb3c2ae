"""Which row is this? Idempotency keys from a row's natural key, and the digests that the journal remembers.

A key is `<job>/<natural key>` and never holds a row number, so that a file may be shuffled, extended and corrected.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
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


def record(key: str, values: tuple[object, ...]) -> bytes:
    """Digest a key, and what is sent under it: equal for equal rows, whichever run makes it."""
    name = key.encode("utf-8", "surrogatepass")  # a key that somebody typed may hold anything
    return blake2b(name, digest_size=KEY_SIZE).digest() + crc32(repr(values).encode()).to_bytes(BODY_SIZE, "big")


def records(keys: Sequence[str], contents: Iterable[tuple[object, ...]]) -> list[bytes]:
    """Digest many rows as `record` does; their keys must be printable."""
    names = "\n".join(keys).encode().split(b"\n")
    bodies = "\n".join(map(repr, contents)).encode().split(b"\n")  # repr writes a line break as \\n
    checks = struct.pack(f">{len(bodies)}I", *map(crc32, bodies))
    return [
        blake2b(name, digest_size=KEY_SIZE).digest() + checks[at : at + BODY_SIZE]
        for name, at in zip(names, range(0, len(checks), BODY_SIZE), strict=True)
    ]


def shard_of(row: bytes, count: int) -> int:
    """Tell which of `count` shards a row belongs to."""
    return int.from_bytes(row[:BODY_SIZE], "big") % count


class KeyIndex:
    """Remembers the records of settled rows: 10 million in some 130 MB.

    A Python set would take 700 MB. Buckets by the first two bytes of a key's digest hold 7 further bytes of it and the
    4 of the body, one after the other, and are searched by `bytearray.find`. The odds that any two of 10 million keys
    share these 72 bits are one in a hundred million.
    """

    REST: Final = 7
    WIDTH: Final = REST + BODY_SIZE

    def __init__(self) -> None:
        self._buckets: defaultdict[bytes, bytearray] = defaultdict(bytearray)

    def __bool__(self) -> bool:
        return bool(self._buckets)

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values())) // self.WIDTH

    def add(self, row: bytes) -> None:
        """Remember a row."""
        self._buckets[row[:2]] += row[2:9] + row[12:]

    def body(self, row: bytes) -> bytes | None:
        """Give the body digest that this row's key was remembered with, or None."""
        bucket = self._buckets.get(row[:2])
        return None if bucket is None else self._find(bucket, row[2:9])

    def body_or_add(self, row: bytes) -> bytes | None:
        """Give the body digest that this row's key was remembered with; where it was not, remember the row."""
        bucket = self._buckets[row[:2]]
        rest = row[2:9]
        if rest in bucket and (body := self._find(bucket, rest)) is not None:
            return body
        bucket += rest + row[12:]
        return None

    def _find(self, bucket: bytearray, rest: bytes) -> bytes | None:
        at = bucket.find(rest)
        while at >= 0:
            if at % self.WIDTH == 0:
                return bytes(bucket[at + self.REST : at + self.WIDTH])
            at = bucket.find(rest, at + 1)
        return None

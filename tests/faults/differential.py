"""Does `transport="fast"` read an answer otherwise than httpx? `python -m tests.faults.differential --answers 200000`.

Answers are made of heads, chunks, encodings and cuts, most of them nearly right. Both readers get the same bytes in the
same pieces: ours, and ours over httpx, whose parser is h11. Both must refuse, or give the same status, headers and
content. Where one of them refuses alone, the reason stands below.
"""

from __future__ import annotations

import argparse
import gzip
import ssl
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import httpcore
import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from kraty_server._http.answers import receive
from kraty_server._http.failures import is_transport_error
from kraty_server._http.http1 import Exchange, Wire
from kraty_server._http.messages import Answer, Send
from tests.faults.differential_reasons import reason_for_accepting, reason_for_refusing

LIMIT = 4096
CONTEXT = ssl.create_default_context()
SEND = Send("GET", "http://kraty.example/", None, 5.0, lambda answer: True)


@dataclass(frozen=True)
class Said:
    """What a server says, in which pieces, and whether it ends the connection then."""

    pieces: tuple[bytes, ...]
    ends: bool

    @property
    def whole(self) -> bytes:
        return b"".join(self.pieces)


@dataclass(frozen=True)
class Read:
    """What a reader made of it."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    complete: bool = True
    reusable: bool = False
    refused: str = ""
    """Why there is no answer; all else is empty then."""

    @property
    def answer(self) -> tuple[object, ...]:
        return bool(self.refused), self.status, self.headers, self.content, self.complete


def headers_of(answer: Answer) -> tuple[tuple[str, str], ...]:
    # h11 writes this one in small letters.
    lowered = {name: value.lower() if name == "transfer-encoding" else value for name, value in answer.headers.items()}
    return tuple(sorted(lowered.items()))


def by_us(said: Said) -> Read:
    exchange = Exchange(Wire(), LIMIT)
    try:
        for piece in said.pieces:
            if exchange.take(piece):
                break
        else:
            if not said.ends:
                return Read(refused="it did not end")
            exchange.take(b"")
        answer, reusable = exchange.answer(SEND, unsent=False)
    except Exception as error:
        if not is_transport_error(error):
            raise
        return Read(refused=str(error))
    return Read(answer.status, headers_of(answer), answer.content, answer.complete, reusable)


class _Stream(httpcore.NetworkStream):
    def __init__(self, said: Said) -> None:
        self.pieces, self.ends = list(said.pieces), said.ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        if self.ends:
            return b""
        raise httpcore.ReadTimeout("it did not end")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    def close(self) -> None:
        pass

    def get_extra_info(self, info: str) -> Any:
        return None


class _Backend(httpcore.NetworkBackend):
    def __init__(self, said: Said) -> None:
        self.said = said

    def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        return _Stream(self.said)


def by_httpx(said: Said) -> Read:
    transport: Any = httpx.HTTPTransport(verify=CONTEXT, trust_env=False)
    transport._pool._network_backend = _Backend(said)
    try:
        response = transport.handle_request(httpx.Request("GET", SEND.url))
        answer, reusable = receive(response, SEND, LIMIT, time.monotonic() + 60)
    except Exception as error:
        if not is_transport_error(error):
            raise
        return Read(refused=f"{type(error).__name__}: {error}")
    return Read(answer.status, headers_of(answer), answer.content, answer.complete, reusable)


# What servers say


def mostly(usual: Sequence[bytes], odd: Sequence[bytes], one_in: int = 60) -> Callable[[Random], bytes]:
    """The usual, and once in so many times what is odd."""
    return lambda dice: dice.choice(odd if dice.randrange(one_in) == 0 else usual)


text = mostly([b"a", b"a b", b"close", b"keep-alive", b"x, close", b"Keep-Alive, Upgrade", b"\tb ", b"", b"\xe9", b"\xc3\xa9", b'"q"'],
              [b"a\x01b", b"a\x00b", b"a\x0bb", b"a\x7fb"])  # fmt: skip
name = mostly([b"X-A", b"x-a", b"X-Request-Id", b"Content-Type", b"Retry-After", b"Connection", b"Upgrade", b"Proxy-Connection", b"Date"],
              [b"X A", b"X\x01", b"", b"X-\xe9"])  # fmt: skip
colon = mostly([b": ", b":", b":\t"], [b" : ", b""])
line_end = mostly([b"\r\n"], [b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\r\n\t", b" \r\n", b"\n\n", b"\r\n\r\n"], 200)
version = mostly([b"HTTP/1.1"] * 5 + [b"HTTP/1.0"], [b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"RTSP/1.0", b"HTTP/1.1 ", b"HTTP/11",
                                                     b"\r\nHTTP/1.1", b"HTTP/1.1\t", b" HTTP/1.1"])  # fmt: skip
status = mostly([b"200"] * 9 + [b"201", b"204", b"205", b"304", b"307", b"400", b"404", b"429", b"500", b"503", b"599", b"999"],
                [b"100", b"101", b"000", b"099", b"20", b"2000", b"2x0", b"+20", b""])  # fmt: skip
reason = mostly([b" OK", b"", b" ", b" Not Found", b"  two", b" \xe9", b" a\tb"], [b" a\x01", b"OK", b" a\x00"])
body = mostly([b"", b'{"data":{"a":1}}', b"{}" * 300, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"\r\n\x00\xff\n" * 3],
              [b"x" * LIMIT, b"x" * (LIMIT + 1)], 20)  # fmt: skip


def packed(content: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(content)
    if how == "members":
        return gzip.compress(content[:3]) + gzip.compress(content[3:]) + bytes(4)
    if how == "zlib":
        return zlib.compress(content)
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(content) + made.flush()


extension = mostly([b"", b"", b"", b";a", b";a=b"], [b'; a="b c"', b" ", b"\t", b";", b";a=\x01", b" ;a"])
size = mostly([b"%x", b"%X", b"0%x", b"000000000%x"], [b"0x%x", b"+%x", b"%x0", b"-%x", b"%x" + b"0" * 16, b" %x"])
last = mostly([b"0", b"00", b"0;a"], [b"", b"0" * 22])
trailer = mostly([b"X-T: 1", b"X-A: 9"], [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"bad", b"X:\x01"], 20)


def chunks(dice: Random, content: bytes) -> bytes:
    said, at = b"", 0
    while at < len(content):
        length = dice.randint(1, len(content) - at)
        said += size(dice) % length + extension(dice) + line_end(dice) + content[at : at + length] + line_end(dice)
        at += length
    said += last(dice) + line_end(dice)
    said += b"".join(trailer(dice) + line_end(dice) for _ in range(dice.choice([0, 0, 0, 1, 2])))
    return said + line_end(dice)


encoding = [b"identity", b"gzip, gzip", b"x-gzip", b""]
coding = mostly([b"chunked", b"Chunked", b"chunked "],
                [b"gzip, chunked", b"chunked, gzip", b"identity", b"xchunked", b"", b"chunked, chunked"])  # fmt: skip
interim = mostly([b"100", b"102", b"103"], [b"101"], 20)
interim_header = mostly(
    [b"", b"Link: a\r\n", b"Upgrade: x\r\nConnection: upgrade\r\n"], [b"Content-Length: 5\r\n", b" x\r\n"], 10
)
surplus = mostly([b""], [b"\r\n", b"\n", b"x", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"0\r\n\r\n", b"\x00"], 10)
stray = [b"", b"\n", b"\r", b" ", b"\x00", b":", b"0", b"a", b"\xff"]


def framed(dice: Random, content: bytes) -> tuple[list[bytes], bytes]:
    """Headers that tell where a body ends, most of them the truth; and the body."""
    kind = dice.choice(["length"] * 8 + ["chunked"] * 8 + ["close", "both", "none"])
    framing: list[bytes] = []
    if kind in ("length", "both"):
        exact, wrong = b"%d" % len(content), [b"%d" % (len(content) + 1), b"%d" % max(0, len(content) - 1)]
        odd = [exact + b", " + exact, b"+" + exact, b"-1", b"", b"x", b"9" * 30, exact + b"_0", b"0x1", *wrong]
        length = mostly([exact, exact + b" ", b"\t" + exact, b"0" + exact], odd, 20)
        framing += [b"Content-Length: " + length(dice) for _ in range(dice.choice([1] * 20 + [2]))]
    if kind in ("chunked", "both"):
        framing += [b"Transfer-Encoding: " + coding(dice) for _ in range(dice.choice([1] * 20 + [2]))]
        return framing, chunks(dice, content)
    return framing, content


def answer(dice: Random) -> bytes:
    """An answer, as its server says it."""
    content, headers = body(dice), list[bytes]()
    if how := dice.choice(["", "", "", "gzip", "members", "zlib", "raw", "br"]):
        content = packed(content, how) if how != "br" else content
        named = {"members": b"gzip", "zlib": b"deflate", "raw": b"deflate"}.get(how, how.encode())
        headers.append(b"Content-Encoding: " + mostly([named, named, named.upper()], encoding, 10)(dice))
    framing, sent = framed(dice, content)
    headers += framing + [name(dice) + colon(dice) + text(dice) for _ in range(dice.randrange(4))]
    dice.shuffle(headers)
    said = b"".join(
        b"HTTP/1.1 %s Wait\r\n%s\r\n" % (interim(dice), interim_header(dice))
        for _ in range(dice.choice([0] * 8 + [1, 2]))
    )
    said += version(dice) + b" " + status(dice) + reason(dice) + line_end(dice)
    said += b"".join(line + line_end(dice) for line in headers) + line_end(dice)
    return said + sent + surplus(dice)


def answers(dice: Random) -> Said:
    """An answer with a stray byte at times, in pieces, and what becomes of its connection."""
    said = answer(dice)
    if dice.randrange(5) == 0:  # a byte that is another one, is not there, or is one more
        at = dice.randrange(len(said))
        said = said[:at] + dice.choice(stray) + said[at + dice.randrange(2) :]
    if dice.randrange(20) == 0:
        said = said[: dice.randint(0, len(said))]
    cuts = sorted({0, len(said), *(dice.randint(0, len(said)) for _ in range(dice.randrange(6)))})
    if dice.randrange(20) == 0:
        cuts = [*range(len(said) + 1)]
    return Said(tuple(said[start:end] for start, end in pairwise(cuts)), dice.random() < 0.5)


def compare(said: Said, seen: Counter[str]) -> None:
    """Let both read it; fail where they differ and no reason for it is written."""
    ours, theirs = by_us(said), by_httpx(said)
    if ours.answer == theirs.answer or (ours.refused and theirs.refused):
        seen["both refuse" if ours.refused else "both give the same answer"] += 1
        # Ours may be closed where httpx's is used again, and never the other way round.
        assert ours.reusable <= theirs.reusable, (said, ours, theirs)
        return
    why = None
    if ours.refused:
        why = reason_for_refusing(ours.refused, complete=theirs.complete)
    elif theirs.refused:
        why = reason_for_accepting(theirs.refused)
    assert why is not None, f"\nsaid   {said}\nours   {ours}\ntheirs {theirs}"
    seen[f"{'ours refuses' if ours.refused else 'httpx refuses'}: {why}"] += 1


def run(count: int, seed: int) -> Counter[str]:
    """Compare so many answers, and tell what was seen."""
    seen: Counter[str] = Counter()

    # The dice are thrown by `random`: 200,000 answers take minutes so, and what differs is not shrunk.
    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.randoms(use_true_random=True))
    def differ(dice: Random) -> None:
        compare(answers(dice), seen)

    differ()
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    total: Counter[str] = Counter()
    batch = 10_000  # hypothesis keeps what it has seen
    for number in range(-(-asked.answers // batch)):
        total += run(min(batch, asked.answers - number * batch), asked.seed * 1000 + number)
        print(f"{sum(total.values()):,} answers", file=sys.stderr, flush=True)
    for what, count in total.most_common():
        print(f"{count:>9,}  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

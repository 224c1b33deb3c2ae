"""No call ever gets the answer of another call, whatever a server or a proxy leaves on a connection."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kraty_server import ConflictError, KratyError
from tests.flavours import SENDERS, Sender, every_sender
from tests.servers.wire import ONCE, Exchange, WireServer, credit, failed, http, options, wallet

REFUSED = http(b'{"error":{"code":"conflict","message":"not enough"}}', "409 Conflict")
LATE = 0.03
"""Seconds after an answer until more comes on its connection, which is idle by then."""
SOON = 0.02
"""Seconds for an event loop to see what has come."""


def surplus(name: str, exchange: Exchange) -> bytes:
    return {
        "the answer again": exchange.credited(),
        "the answer of another call": http(wallet(31337)),
        "half an answer": exchange.credited()[:-7],
        "an interim answer": b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n",
        "an empty line": b"\r\n",
        "no HTTP": b"\x00\xff oops",
    }[name]


LEFT = [
    "the answer again",
    "the answer of another call",
    "half an answer",
    "an interim answer",
    "an empty line",
    "no HTTP",
]


class Leaves:
    """Answers the first call, and leaves more on its connection, at once or later. Every other call is refused."""

    def __init__(self, left: str, later: bool) -> None:
        self.left = left
        self.later = later
        self.done = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        if exchange.body["amount"] != 1:
            exchange.send(REFUSED)
            return
        more = surplus(self.left, exchange) if exchange.number == 0 else b""
        if not self.later:
            exchange.send(exchange.credited() + more)
            return
        exchange.send(exchange.credited())
        self.done.wait(LATE)
        exchange.send(more)
        self.done.set()


@every_sender
@pytest.mark.parametrize("later", [False, True], ids=["in the same segment", "on an idle connection"])
@pytest.mark.parametrize("left", LEFT)
def test_what_is_left_on_a_connection_is_not_the_answer_of_the_next_call(
    left: str, later: bool, sender: Sender
) -> None:
    leaves = Leaves(left, later)
    with WireServer(leaves) as server, sender(**options(server.url)) as use:
        assert use(credit(1)).balance == 1
        if later:
            while not leaves.done.is_set():
                use.rest(SOON)
            use.rest(SOON)
        with pytest.raises(ConflictError) as refused:
            use(credit(7, player="another"))
    assert refused.value.attempts == 1, "at once, on a new connection"
    # Some parsers skip an empty line, and nothing of it is left; aiohttp's loses an answer together with what is no HTTP.
    assert server.connections == 2 or left in ("an empty line", "no HTTP")


@every_sender
def test_what_comes_while_the_event_loop_stands_still_is_not_the_answer_of_the_next_call(sender: Sender) -> None:
    """As before a fork, in a worker between two jobs, or when something blocks the loop: nobody reads meanwhile."""
    leaves = Leaves("the answer of another call", later=True)
    with WireServer(leaves) as server, sender(**options(server.url)) as use:
        assert use(credit(1)).balance == 1
        assert leaves.done.wait(5)
        with pytest.raises(ConflictError):
            use(credit(7))


BODY = wallet(31337)
WITHOUT_BODY = {
    "204": http(b"", "204 No Content", length=False),
    "204 with the length": http(b"", "204 No Content", f"Content-Length: {len(BODY)}", length=False),
    "204 in chunks": http(b"", "204 No Content", "Transfer-Encoding: chunked", length=False),
    "304": http(b"", "304 Not Modified", length=False),
}


@every_sender
@pytest.mark.parametrize("later", [False, True], ids=["in the same segment", "on an idle connection"])
@pytest.mark.parametrize("kind", WITHOUT_BODY)
def test_the_body_of_an_answer_that_has_none_is_not_the_answer_of_the_next_call(
    kind: str, later: bool, sender: Sender
) -> None:
    sent = threading.Event()

    def answer(exchange: Exchange) -> None:
        if exchange.number:
            exchange.send(REFUSED)
            return
        head, more = WITHOUT_BODY[kind], BODY if kind != "204" else http(BODY)
        exchange.send(head if later else head + more)
        if later:
            sent.wait(LATE)
            exchange.send(more)
        sent.set()

    with WireServer(answer) as server, sender(**options(server.url, retry=ONCE)) as use:
        first = failed(use, credit(1))
        if kind != "304":
            assert first.outcome == "unknown", "a 204 is no answer of this call, whoever gave it"
        if later:
            while not sent.is_set():
                use.rest(SOON)
            use.rest(SOON)
        with pytest.raises(ConflictError):
            use(credit(7))


@every_sender
def test_a_body_longer_than_it_says_is_not_the_answer_of_the_next_call(sender: Sender) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.number:
            exchange.send(REFUSED)
        else:  # the length covers one answer, the body holds it and a whole further one
            exchange.send(http(wallet(1)) + b"\n" + http(wallet(31337)))

    with WireServer(answer) as server, sender(**options(server.url)) as use:
        assert use(credit(1)).balance == 1
        with pytest.raises(ConflictError):
            use(credit(7))


@every_sender
def test_what_comes_behind_the_last_chunk_is_not_the_answer_of_the_next_call(sender: Sender) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.number:
            exchange.send(REFUSED)
            return
        body = wallet(1)
        head = http(b"", "200 OK", "Transfer-Encoding: chunked", length=False)
        exchange.send(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) + http(wallet(31337)))

    with WireServer(answer) as server, sender(**options(server.url)) as use:
        assert use(credit(1)).balance == 1
        with pytest.raises(ConflictError):
            use(credit(7))


@every_sender
def test_an_error_that_was_sent_twice_is_no_error_of_the_next_call(sender: Sender) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(exchange.credited() if exchange.number else REFUSED + REFUSED)

    with WireServer(answer) as server, sender(**options(server.url)) as use:
        with pytest.raises(ConflictError):
            use(credit(1))
        assert use(credit(7)).balance == 7


@every_sender
def test_an_answer_that_came_after_its_call_gave_up_is_not_the_answer_of_the_next(sender: Sender) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.number:
            exchange.send(REFUSED)
        else:
            slow.wait(5)
            exchange.send(exchange.credited())

    slow = threading.Event()
    with WireServer(answer) as server, sender(**options(server.url, retry=ONCE, timeout=1.0)) as use:
        assert failed(use, credit(1)).outcome == "unknown"
        slow.set()
        use.rest(0.05)
        with pytest.raises(ConflictError):
            use(lambda kraty: credit(7)(kraty.with_options(timeout=5.0)))


@every_sender
@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_answers_come_before_the_answer(interim: str, sender: Sender) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(f"HTTP/1.1 {interim}\r\n\r\n".encode() * 2 + exchange.credited())

    with WireServer(answer) as server, sender(**options(server.url)) as use:
        assert use(credit(1)).balance == 1
        assert use(credit(2)).balance == 2
    assert len(server.exchanges) == 2


@every_sender
@pytest.mark.parametrize(
    "sent",
    [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", b"HTTP/1.1 101 Odd\r\n\r\n",
     b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", b"HTTP/1.1 199 Odd\r\n\r\n",
     b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n"],
)  # fmt: skip
def test_an_interim_answer_that_ends_the_exchange_leaves_the_outcome_open(sent: bytes, sender: Sender) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(sent)
        exchange.close()

    with WireServer(answer) as server, sender(**options(server.url, retry=ONCE)) as use:
        error = failed(use, credit(1))
    assert error.outcome == "unknown", repr(error)
    assert error.attempts == len(server.exchanges) == 1


@every_sender
def test_an_answer_behind_switching_protocols_is_not_taken_for_the_one_of_the_next_call(sender: Sender) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.number:
            exchange.send(REFUSED)
        else:
            exchange.send(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + http(wallet(31337))
            )

    with WireServer(answer) as server, sender(**options(server.url, retry=ONCE)) as use:
        assert failed(use, credit(1)).outcome == "unknown"
        with pytest.raises(ConflictError):
            use(credit(7))


@every_sender
def test_a_connection_whose_answer_contradicts_its_call_is_not_used_again(sender: Sender) -> None:
    """Every answer behind it may be shifted by one, and few would contradict."""

    def answer(exchange: Exchange) -> None:
        if exchange.connection:
            exchange.send(exchange.credited())
        elif exchange.turn == 0:
            exchange.send(http(wallet(31337, "silver")))
        else:
            exchange.send(http(wallet(1)))  # the answer of the call before

    with WireServer(answer) as server, sender(**options(server.url, retry=ONCE)) as use:
        assert failed(use, credit(1)).outcome == "unknown"
        assert use(credit(7)).balance == 7


SOAK = 800
"""Calls of each sender."""


def misbehave(chance: random.Random) -> Callable[[Exchange], None]:
    """What is left on a connection at once names no currency but the right one: only the connection gives it away.

    What comes instead is of another currency, since only that tells.
    """
    lock = threading.Lock()

    def answer(exchange: Exchange) -> None:
        with lock:
            roll, stray = chance.random(), chance.randrange(10**6, 10**7)
        other = http(wallet(stray, "silver"))
        if roll < 0.06:
            exchange.send(exchange.credited() * 2)
        elif roll < 0.12:
            exchange.send(exchange.credited() + http(wallet(stray)) * 3)
        elif roll < 0.15:
            exchange.send(http(b"", "204 No Content", length=False) + http(wallet(stray)))
        elif roll < 0.18:
            exchange.send(other)
        elif roll < 0.21:
            exchange.send(REFUSED + exchange.credited())
        else:
            exchange.send(exchange.credited())

    return answer


@every_sender
def test_no_call_gets_anothers_answer_in_a_soak(sender: Sender) -> None:
    seed = SENDERS.index(sender)
    with WireServer(misbehave(random.Random(seed))) as server, sender(**options(server.url)) as use:
        results: list[Any] = use.together([credit(amount) for amount in range(1, SOAK + 1)], workers=8)
    got = [result for result in results if not isinstance(result, BaseException)]
    wrong = {n: r.balance for n, r in enumerate(results, 1) if not isinstance(r, BaseException) and r.balance != n}
    assert not wrong
    assert len(got) > SOAK / 2
    for error in results:
        if isinstance(error, BaseException):
            assert isinstance(error, KratyError), repr(error)
            certain = isinstance(error, ConflictError) and error.attempts == 1
            assert error.outcome == ("not_applied" if certain else "unknown"), repr(error)

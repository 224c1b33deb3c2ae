"""Can a socket be read or written now, or so soon? Asked of the system, however many sockets there are."""

from __future__ import annotations

import select
import socket
from typing import Any, Final

POLLIN: Final = getattr(select, "POLLIN", 1)  # Windows has none
POLLOUT: Final = getattr(select, "POLLOUT", 4)


def wait_for(connection: socket.socket, seconds: float, events: int = POLLIN) -> int:
    """Wait until a socket can be read (its end included) or written, as `events` asks; and tell which. 0 for neither.

    A signal does not end the wait, unless its handler raises.
    """
    # Looked up with each wait: gevent replaces it, at times late, or takes it away.
    make_poll: Any = getattr(select, "poll", None)
    if make_poll is not None:
        poll = make_poll()
        poll.register(connection, events)
        found: list[tuple[int, int]] = poll.poll(seconds * 1000)
        return found[0][1] if found else 0
    reading, writing = [connection] if events & POLLIN else [], [connection] if events & POLLOUT else []
    readable, writable, _ = select.select(reading, writing, [], seconds)
    return POLLIN * bool(readable) | POLLOUT * bool(writable)

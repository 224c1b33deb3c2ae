"""Where `transport="fast"` and httpx do not agree on an answer: why each difference is wanted.

Found by what is said of the refusal. "One way" below: proxies between us and the server read it in another way, so that
one of them would take a part of an answer for the next one (RFC 9112, section 11.2).
"""

from __future__ import annotations

ONE_WAY = "it can be read in more than one way"
REFUSING = {
    "Missing expected CR": f"a line ends with LF alone: {ONE_WAY}; RFC 9112, section 2.2 lets a recipient choose",
    "Invalid header value char": "a control character in a value; RFC 9110, section 5.5 calls it invalid and dangerous",
    "Unexpected whitespace after header value": f"obs-fold: {ONE_WAY}; no server may send it (RFC 9112, section 5.2)",
    "Duplicate Content-Length": f"two lengths, though equal ones: {ONE_WAY}; RFC 9110, section 8.6 lets a recipient choose",
    "Invalid character in Content-Length": f"a list of lengths, as above: {ONE_WAY}",
    "Content-Length can't be present with Transfer-Encoding": f"{ONE_WAY}; an attack, says RFC 9112, section 6.3",
    "Transfer-Encoding can't be present with Content-Length": f"{ONE_WAY}; an attack, says RFC 9112, section 6.3",
    "Invalid HTTP version": "neither HTTP/1.1 nor 1.0",
    "it begins otherwise": "neither HTTP/1.1 nor 1.0, or a status below 100",
    "the answer begins with no head": "the blank line behind its head has no CR, or it does not begin with HTTP/",
    "Invalid character in chunk size": "white space behind the size of a chunk, which no grammar has; RFC 9112, section 7.1",
    "Invalid character in chunk extensions": "an extension of a chunk that is none; RFC 9112, section 7.1.1",
    "Missing expected LF": f"CR without LF: {ONE_WAY}",
    "Expected LF after chunk": f"CR without LF behind a chunk: {ONE_WAY}",
    "Chunk size overflow": "a chunk of more bytes than 64 bits count",
    "Invalid header field char": "what is no header among the headers or trailers",
    "the trailers of the answer": "a trailer about where it ends; RFC 9110, section 6.5.1 forbids it",
    "Invalid response status": "the line of the status ends with LF alone",
}
ACCEPTING = {
    "illegal chunk header: bytearray(b'00000000000000000000": "the size of a chunk has many zeros before it; its number is the same",
}


def reason_for_refusing(text: str, *, complete: bool) -> str | None:
    """Why we refuse what httpx takes; or takes the beginning of, since it is over the limit."""
    if not complete:
        return "it is over the limit and broken behind it, which came along: an error in both"
    return next((why for said, why in REFUSING.items() if said in text), None)


def reason_for_accepting(text: str) -> str | None:
    """Why we take what httpx refuses."""
    return next((why for said, why in ACCEPTING.items() if said in text), None)

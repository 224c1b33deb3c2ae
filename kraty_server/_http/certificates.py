"""Which certificates are trusted? Those of httpx, loaded with the first connection, or those of the environment.

They take longer to load than all else that a client needs, and plain http needs none.
"""

from __future__ import annotations

import os
import ssl
import threading
from typing import Final

import httpx

NAMED: Final = (("SSL_CERT_FILE", os.path.isfile, "file"), ("SSL_CERT_DIR", os.path.isdir, "folder"))
KEY_LOG: Final = "SSLKEYLOGFILE"
"""Read by Python when a context is made; it is part of the environment that is read once."""

_loading: Final = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A fork waits until they are loaded: OpenSSL's own locks, and those of imports, do not survive it in other threads.
    os.register_at_fork(before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release)


class Certificates:
    """What a client's connections trust."""

    def __init__(self, *, needed: bool) -> None:
        self._context = None if needed else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which trusts nobody
        for variable, is_there, what in NAMED:
            if (path := os.environ.get(variable)) and not is_there(path):
                raise ValueError(f"{variable}: there is no {what} {path!r}")
        names = [variable for variable, _, _ in NAMED if os.environ.get(variable)]
        if not names and (needed or os.environ.get(KEY_LOG)):
            import certifi  # which httpx needs, and imports as late as it loads them

            if not os.path.isfile(path := certifi.where()):
                raise ValueError(f"the certificates of certifi: there is no file {path!r}")
        if names or os.environ.get(KEY_LOG):
            try:
                self._context = httpx.create_ssl_context()
            except (ssl.SSLError, OSError) as error:
                variable = (names or [KEY_LOG])[0]
                raise ValueError(f"{variable}: no certificates in {os.environ[variable]!r}: {error}") from None

    def context(self) -> ssl.SSLContext:
        """What is trusted, loaded when it is first asked for.

        Raises:
            httpx.ConnectError: the file that was there when the client was made has no certificates.
        """
        if self._context is None:
            with _loading:
                if self._context is None:
                    try:
                        self._context = httpx.create_ssl_context(trust_env=False)
                    except (ssl.SSLError, OSError) as error:
                        raise httpx.ConnectError(f"the certificates of certifi cannot be read: {error}") from None
        return self._context

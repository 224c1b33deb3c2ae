"""What every test here begins with: an environment without proxies, certificates or settings of ours."""

from __future__ import annotations

import os

import pytest

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method")
OURS = ("SSL_CERT_FILE", "SSL_CERT_DIR", "KRATY_TRANSPORT", "KRATY_SERVER_KEY", "KRATY_BASE_URL")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in NAMES or name in OURS:
            monkeypatch.delenv(name)

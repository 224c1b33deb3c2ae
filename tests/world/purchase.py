"""What workers run: a purchase over a server that does not answer, which writes down what became of it.

Not a test: `test_interruptions.py` has Celery (by `celery_app.py`) and RQ run it.
"""

from __future__ import annotations

import json
from typing import Any

from kraty_server import KratyServer


def purchase(url: str, path: str) -> None:
    """Buy over a server that does not answer; then use the same client once more, as the next job would."""
    with KratyServer(api_key="prefix.secret", base_url=url, timeout=10.0, deadline=12.0) as kraty:
        kraty.health.ping()  # so that there is a connection to take
        try:
            kraty.wallet.credit("p", "gold", amount=5, idempotency_key="receipt-1")
        except BaseException as error:
            told: dict[str, Any] = {"type": type(error).__name__, "notes": getattr(error, "__notes__", [])}
            told["afterwards"] = kraty.health.ping().ok
            with open(path, "w") as file:
                json.dump(told, file)
            raise

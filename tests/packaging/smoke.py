"""Run in an environment that holds nothing but the wheel and its dependencies."""

import importlib.util
import pickle
import re
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import kraty_server
from kraty_server import CurrencyEntry, KratyServer, NotFoundError
from kraty_server.webhooks import verify_webhook

assert "site-packages" in kraty_server.__file__, kraty_server.__file__
assert kraty_server.__version__ == version("kraty-server")
assert {re.split(r"[^\w-]", r)[0] for r in requires("kraty-server") or () if "extra ==" not in r} == {
    "attrs",
    "certifi",
    "httpcore",
    "httpx",
    "python-dateutil",
}
assert importlib.util.find_spec("codegen") is None
assert importlib.util.find_spec("kraty_server_generated") is not None
assert CurrencyEntry("gold", 5).to_dict() == {"type": "currency", "currencyKey": "gold", "amount": 5}
assert not verify_webhook(raw_body=b"", signature_header="t=1,v1=2", secret="s")
assert pickle.loads(pickle.dumps(NotFoundError(404, "not_found", "gone"))).is_not_found
with KratyServer(api_key="prefix.secret", base_url="http://127.0.0.1:9", deadline=1.0) as kraty:
    outcome = None
    try:
        kraty.health.ping()
    except kraty_server.KratyNetworkError as error:
        outcome = error.outcome
assert outcome == "not_applied", "a call to nobody succeeded"
command = Path(sys.executable).with_name("kraty")
assert subprocess.check_output([command, "--version"], text=True) == f"kraty-server {kraty_server.__version__}\n"
sys.stdout.write(f"kraty-server {kraty_server.__version__} works from the wheel\n")

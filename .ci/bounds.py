"""Print the run-time requirements, and those of the extras, at one end of their ranges.

Not those of `testing`: the oldest pytest has an environment of its own, in tests/plugin/test_installed.py. So has
Airflow: `make airflow`.
"""

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("aiohttp", "arrow", "dask", "emulator", "http2", "msgspec", "otel")
document = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
project, groups = document["project"], document["dependency-groups"]
for requirement in (
    *project["dependencies"],
    *(one for extra in EXTRAS for one in project["optional-dependencies"][extra]),
    *(one for one in groups["test"] if one.startswith("opentelemetry-")),  # its packages go together
):
    name, low, high = re.fullmatch(r"([\w-]+)>=([\d.b]+)(,<[\d.]+)?", requirement).groups()
    print(f"{name}=={low}" if sys.argv[1] == "oldest" else f"'{name}>={low}{high or ''}' --upgrade")

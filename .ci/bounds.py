"""Print the run-time requirements, and those of the extras that senders use, at one end of their ranges."""

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("aiohttp", "http2")
project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
for requirement in (
    *project["dependencies"],
    *(one for extra in EXTRAS for one in project["optional-dependencies"][extra]),
):
    name, low, high = re.fullmatch(r"([\w-]+)>=([\d.]+)(,<[\d.]+)?", requirement).groups()
    print(f"{name}=={low}" if sys.argv[1] == "oldest" else f"'{name}>={low}{high or ''}' --upgrade")

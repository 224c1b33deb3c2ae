"""Print the run-time requirements at one end of their ranges: `oldest` or `newest`."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
for requirement in project["dependencies"]:
    name, low, high = re.fullmatch(r"([\w-]+)>=([\d.]+),<([\d.]+)", requirement).groups()
    print(f"{name}=={low}" if sys.argv[1] == "oldest" else f"'{name}>={low},<{high}' --upgrade")

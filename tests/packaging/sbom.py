"""Does the bill of materials name what the wheel brings, and nothing of the machine that it was built on?"""

import json
import re
import sys
import tomllib
from pathlib import Path

from kraty_server import __version__

text = Path(sys.argv[1]).read_text("utf-8")
bill = json.loads(text)
project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
named = {component["name"].lower() for component in bill["components"]}
needed = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
assert bill["bomFormat"] == "CycloneDX"
assert bill["metadata"]["component"]["name"] == project["name"]
assert bill["metadata"]["component"]["version"] == __version__
assert needed <= named, needed - named
assert not named & {"pip", "setuptools", "pytest", "ruff"}, named
assert not re.search("file://|localhost", text), "the bill names this machine"
sys.stdout.write(f"{project['name']} brings {', '.join(sorted(named - {project['name']}))}\n")

"""How does the site come from the Markdown? Pages are laid together, built strictly, and put under their version."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Final

from kraty_server import __version__
from website.config import ROOT, configuration
from website.names import public_names
from website.versions import write_versions

NAMES: Final = re.compile(r"^<!-- names of ([\w.]+)(?: from ([\w.]+))? -->$", re.MULTILINE)
VARIANT: Final = re.compile(r"^(```python) .+$", re.MULTILINE)
INSIDE: Final = re.compile(r"\]\(docs/")
CHANGELOG: Final = "](../CHANGELOG.md"
STYLE: Final = Path(__file__).with_name("site.css")


def build(folder: Path) -> Path:
    """Build the site of this version into a folder of all versions, and say where its first page is.

    Raises:
        SystemExit: a link leads nowhere, or a name has no docstring to show; the generator said which.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / __version__
    with tempfile.TemporaryDirectory() as work:
        pages, built, settings = Path(work, "pages"), Path(work, "site"), Path(work, "mkdocs.yml")
        lay_out(pages)
        settings.write_text(json.dumps(configuration(pages, built, __version__)), "utf-8")  # JSON is YAML
        generator = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(settings)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        if (code := subprocess.run(generator, env=environment, cwd=work, check=False).returncode) != 0:
            raise SystemExit(code)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(built, target)
    write_versions(folder)
    return target / "index.html"


def lay_out(target: Path) -> None:
    """Copy the pages, and write out what they only name: public names, and the CHANGELOG."""
    shutil.copytree(ROOT / "docs", target)
    shutil.copy(STYLE, target)
    (target / "changelog.md").write_text(INSIDE.sub("](", (ROOT / "CHANGELOG.md").read_text("utf-8")), "utf-8")
    for page in target.rglob("*.md"):
        text = VARIANT.sub(r"\1", page.read_text("utf-8")).replace(CHANGELOG, "](changelog.md")
        page.write_text(NAMES.sub(directives, text), "utf-8")


def directives(asked: re.Match[str]) -> str:
    """One line for each public name of a module, or for those that come from one home, in the order there."""
    module, home = asked[1], asked[2]
    names = public_names(module)
    if home is not None:
        found = import_module(home)
        names = [name for name in names if hasattr(found, name)]  # which loads them, where they are lazy
        names.sort(key=[*vars(found)].index)
    return "\n\n".join(f"::: {module}.{name}" for name in names)

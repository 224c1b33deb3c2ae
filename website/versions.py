"""Which versions has the site? Its menu of versions, and what leads to the newest: python website/versions.py FOLDER.

It needs the standard library only: in the workflow it runs beside a token, where nothing of other people's may run.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Final

LATEST: Final = "latest"
VERSION: Final = re.compile(r"(\d+(?:\.\d+)*)(?:\.?(a|b|rc|dev)(\d+))?")
ENTRANCE: Final = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={0}/">'
    '<title>kraty-server</title><a href="{0}/">kraty-server</a>\n'
)
ALSO_AT_THE_TOP: Final = ("404.html", "llms.txt")
"""GitHub Pages shows the first for every address that is not there; programs look for the second there."""


def order(version: str) -> tuple[list[int], bool, str, int]:
    """What a version is sorted by: 0.10.0 is newer than 0.9.0, and than 0.10.0rc1."""
    found = VERSION.fullmatch(version)
    assert found is not None, version
    numbers = [int(part) for part in found[1].split(".")]
    return numbers, found[2] is None, (found[2] or "").replace("dev", ""), int(found[3] or 0)


def write_versions(folder: Path) -> None:
    """Write what all versions share: `versions.json`, the first page, and `latest`, which is the newest release."""
    found = sorted((path.name for path in folder.iterdir() if VERSION.fullmatch(path.name)), key=order, reverse=True)
    newest = next((version for version in found if order(version)[1]), found[0])
    versions = [{"version": one, "title": one, "aliases": [LATEST] * (one == newest)} for one in found]
    (folder / "versions.json").write_text(json.dumps(versions, indent=1) + "\n", "utf-8")
    shutil.rmtree(folder / LATEST, ignore_errors=True)
    shutil.copytree(folder / newest, folder / LATEST)
    for name in ALSO_AT_THE_TOP:
        if (folder / newest / name).is_file():
            shutil.copyfile(folder / newest / name, folder / name)
    (folder / "index.html").write_text(ENTRANCE.format(LATEST), "utf-8")
    (folder / ".nojekyll").touch()  # otherwise GitHub Pages leaves out what begins with `_`


if __name__ == "__main__":
    write_versions(Path(sys.argv[1]))

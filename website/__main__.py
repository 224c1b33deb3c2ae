"""Build the site into a folder: python -m website FOLDER."""

import sys
from pathlib import Path

from website.build import build

print(build(Path(sys.argv[1])))

"""`python -m kraty_server` is the command `kraty`."""

from __future__ import annotations

import sys

from kraty_server.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

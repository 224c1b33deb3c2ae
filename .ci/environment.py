"""Make the virtual environment in a folder: `python .ci/environment.py .venv`. Says why where that cannot be.

Without a folder it says only whether this Python would do. Older ones must be able to read this, or they could not.
"""

import os
import sys

NEEDED = (3, 11)


def check_version():
    """Leave, with what to do, on a Python that is too old."""
    if sys.version_info < NEEDED:
        sys.exit(
            f"Python {NEEDED[0]}.{NEEDED[1]} or newer is needed, and {sys.executable} is Python {sys.version_info[0]}."
            f"{sys.version_info[1]}. Name another: make PYTHON=python3.12"
        )


def make(folder):
    """Make it, anew where it was made at another place: its paths are absolute."""
    import venv

    place, here = os.path.join(folder, "place"), os.path.realpath(folder)
    moved = False
    if os.path.exists(place):
        with open(place, encoding="utf-8") as file:
            moved = file.read() != here
    if moved:
        sys.stderr.write(folder + " was moved, and its paths are absolute: it is made anew\n")
    venv.EnvBuilder(symlinks=os.name != "nt", with_pip=True, clear=moved).create(folder)
    with open(place, "w", encoding="utf-8") as file:
        file.write(here)


if __name__ == "__main__":
    check_version()
    for wanted in sys.argv[1:]:
        make(wanted)

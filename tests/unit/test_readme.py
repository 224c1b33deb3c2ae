"""tests/README.md names every promise and every server, as they are."""

from __future__ import annotations

from pathlib import Path

from tests import readme


def test_the_readme_of_the_suite_is_derived_from_the_suite() -> None:
    text = readme.README.read_text("utf-8")
    assert readme.derived(text) == text, "run: python -m tests.readme"


def test_each_file_says_what_it_promises_in_one_line() -> None:
    paths = [*Path(readme.ROOT).glob("*/test_*.py"), *Path(readme.ROOT).glob("servers/*.py")]
    for path in paths:
        if path.name != "__init__.py":
            assert len(readme.first_line(path)) > 20, path
    lines = [readme.first_line(path) for path in paths if path.name != "__init__.py"]
    assert len(set(lines)) == len(lines), "two files promise the same"

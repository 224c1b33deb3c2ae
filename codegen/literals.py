"""How does a text of the document become Python, and nothing but a literal? Quoting, escaping, docstrings."""

from __future__ import annotations

import re
import textwrap

WIDTH = 110


def python(value: str | float | tuple[str, ...] | None) -> str:
    """Write a literal. Everything that comes from the document goes through here or through `docstring`."""
    return repr(value)


def python_pattern(ecma: str) -> str:
    """A pattern of the document as Python reads it: there, `$` also comes before a line break at the end."""
    parts = re.findall(r"\\.|\[(?:\\.|[^\]\\])*\]|.", ecma, re.DOTALL)
    return "".join(r"\Z" if part == "$" else part for part in parts)


def printable(text: str) -> str:
    """A text of the document on one line, with what a terminal or a file cannot show spelt out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def docstring(text: str, indent: int) -> str:
    """Write a docstring, with the lines after the first indented. No text ends it early."""
    safe = re.sub(r'"(?="|\Z)', r"\"", text.strip().replace("\\", "\\\\")) or "As the API sends it."
    lines = [printable(line.rstrip()) for line in safe.splitlines()]
    if len(lines) == 1 and len(lines[0]) + indent + 6 <= WIDTH:
        return f'"""{lines[0]}"""'
    words = [wrapped for line in lines for wrapped in (wrap(line, WIDTH - indent) if line else [""])]
    pad = "\n" + " " * indent
    return '"""' + pad.join(words).replace(pad + "\n", "\n\n") + pad + '"""'


def wrap(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width - 3, break_long_words=False, break_on_hyphens=False)

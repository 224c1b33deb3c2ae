"""How is the site laid out? Its theme, its plugins, and the order of its pages."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

NAV: Final = {
    "Home": ["index.md"],
    "Tutorials": ["first-purchase.md", "testing.md"],
    "How-to": [
        "fulfilment.md",
        "chargebacks.md",
        "make-goods.md",
        "support.md",
        "webhooks.md",
        "frameworks.md",
        "workers.md",
        "airflow.md",
        "observability.md",
        "bulk.md",
        "gdpr.md",
        "key-rotation.md",
        "upgrading.md",
        "coming-from-the-vendors-sdk.md",
    ],
    "Explanation": ["outcomes.md", "grants.md", "connections.md", "performance.md", "design.md"],
    "Reference": [
        "reference/client.md",
        "reference/calls.md",
        "reference/errors.md",
        "reference/models.md",
        "reference/webhooks.md",
        "reference/bulk.md",
        "reference/testing.md",
        "reference/django.md",
        "reference/airflow.md",
        "reference/otel.md",
        "reference/pages.md",
        "cli.md",
        "emulator.md",
        "api-changes.md",
        "changelog.md",
    ],
}
"""The pages by what a reader wants of them. A page that is not named here goes to the end of the how-to pages."""


def navigation(pages: set[str]) -> dict[str, list[str]]:
    """The order of the pages, those that `NAV` does not name included."""
    further = sorted(pages.difference(*NAV.values()))
    return {title: [*entry, *further] if title == "How-to" else entry for title, entry in NAV.items()}


def configuration(source: Path, target: Path, version: str) -> dict[str, Any]:
    """What the generator is told in a file beside both folders."""
    pages = {path.relative_to(source).as_posix() for path in source.rglob("*.md")}
    nav = navigation(pages)
    return {
        "site_name": PROJECT["name"],
        "site_description": PROJECT["description"],
        "site_url": f"{PROJECT['urls']['Documentation']}{version}/",
        # No `repo_url`: with it each page asks the repository's host how popular it is.
        "copyright": f'<a href="{PROJECT["urls"]["Source"]}">Source</a> · {PROJECT["license"]} licence',
        "docs_dir": source.name,
        "site_dir": target.name,
        "nav": [{title: entry} for title, entry in nav.items()],
        "theme": {
            "name": "material",
            "custom_dir": str(Path(__file__).with_name("theme")),
            "font": False,
            "features": [
                "content.code.copy",
                "content.tooltips",
                "navigation.footer",
                "navigation.indexes",
                "navigation.tabs",
                "navigation.top",
                "search.highlight",
                "toc.follow",
            ],
            "palette": [
                {
                    "media": "(prefers-color-scheme: light)",
                    "scheme": "default",
                    "toggle": {"icon": "lucide/moon", "name": "Dark"},
                },
                {
                    "media": "(prefers-color-scheme: dark)",
                    "scheme": "slate",
                    "toggle": {"icon": "lucide/sun", "name": "Light"},
                },
            ],
        },
        "extra": {"version": {"provider": "mike", "default": "latest"}, "generator": False},
        "extra_css": ["site.css"],
        "markdown_extensions": [
            "admonition",
            "tables",
            {"toc": {"permalink": True}},
            "pymdownx.highlight",
            "pymdownx.superfences",
        ],
        "plugins": [
            "search",
            {"llmstxt": {"full_output": "llms-full.txt", "sections": nav}},
            {"mkdocstrings": {"handlers": {"python": {"paths": PATHS, "options": OPTIONS}}}},
        ],
    }


PATHS: Final = [str(ROOT), str(ROOT / "generated")]
OPTIONS: Final[dict[str, Any]] = {
    "extensions": ["website.signatures:Results"],
    "preload_modules": ["kraty_server", "kraty_server_generated"],
    "docstring_section_style": "list",
    "filters": ["!^_", "!__$"],
    "heading_level": 3,
    "members_order": "source",
    "separate_signature": True,
    "show_root_heading": True,
    "show_root_full_path": False,
    "show_bases": False,
    "show_if_no_docstring": True,
    "show_labels": False,
    "show_signature_annotations": True,
    "show_source": False,
    "signature_crossrefs": True,
    "summary": False,
}
"""How docstrings are shown."""

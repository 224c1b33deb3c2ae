"""A form, its files and answers of bytes are compared as what they are on the wire."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from codegen.diff import Level, diff
from tests.templates.further import further

BEFORE = further()
FORM = ("paths", "/things/pictures/{name}", "post", "requestBody", "content", "multipart/form-data")
PICTURE = ("paths", "/things/pictures/{name}", "get", "responses", "200", "content")
FIELDS = ("components", "schemas", "PictureForm", "properties")


def at(document: Any, *steps: str) -> Any:
    for step in steps:
        document = document[step]
    return document


def types(text: str | None) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        encoding = at(document, *FORM)["encoding"]
        if text is None:
            del encoding["picture"]
        else:
            encoding["picture"]["contentType"] = text

    return change


def limit(*steps: str, value: int) -> Callable[[Any], None]:
    return lambda document: at(document, *steps).update(maxLength=value)


CASES: list[tuple[str, Callable[[Any], None], Level | None]] = [
    ("a type is no longer taken", types("image/png"), Level.BREAKING),
    ("one more is taken", types("image/png, image/jpeg, image/gif"), Level.ADDITIVE),
    ("all images are taken", types("image/*"), Level.ADDITIVE),
    ("any file is taken", types(None), Level.ADDITIVE),
    ("another order", types("image/jpeg,image/png"), None),
    ("other headers of a part", lambda d: at(d, *FORM)["encoding"]["picture"].update(headers={"X": {}}), Level.UNJUDGED),
    ("files may be longer", limit(*FIELDS, "picture", value=300_000), Level.ADDITIVE),
    ("files must be shorter", limit(*FIELDS, "picture", value=100_000), Level.BREAKING),
    ("a file is text now", lambda d: at(d, *FIELDS, "picture").pop("format"), Level.BREAKING),
    ("a field is needed now", lambda d: at(d, "components", "schemas", "PictureForm")["required"].append("day"),
     Level.BREAKING),
    ("a picture of another type", lambda d: at(d, *PICTURE).update({"image/gif": at(d, *PICTURE).pop("image/png")}),
     Level.BREAKING),
    ("a picture of two types", lambda d: at(d, *PICTURE).update({"image/gif": at(d, *PICTURE)["image/png"]}),
     Level.ADDITIVE),
    ("JSON instead of a form", lambda d: at(d, *FORM[:-1]).update({"application/json": at(d, *FORM[:-1]).pop(FORM[-1])}),
     Level.BREAKING),
]  # fmt: skip


@pytest.mark.parametrize(("change", "level"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_change_of_what_is_no_json_is_judged(change: Callable[[Any], object], level: Level | None) -> None:
    after = copy.deepcopy(BEFORE)
    change(after)
    levels = {found.level for found in diff(BEFORE, after)} - {Level.DOCUMENTATION}
    wanted = set() if level is None else {level}
    assert levels == wanted or (level is Level.BREAKING and Level.BREAKING in levels)

"""The JSON schemas that are published, and documents against them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import referencing

from support import ROOT

FOLDERS = ("parity", "bench", "fuzz", "peers", "release")


@functools.cache
def schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema, of all that the lab and what lies beside it write."""
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*schema.json"))
    found = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    assert len(found) == len(paths), "two schemas of one file name"
    return found


@functools.cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """What holds a document against a schema, whose references to another one are followed."""
    shared = [(other, referencing.Resource.from_contents(schema)) for other, schema in schemas().items()]
    return jsonschema.Draft202012Validator(schemas()[name], registry=referencing.Registry().with_resources(shared))


def valid(found: Any, name: str) -> Any:
    """A document, or what a file holds, once it has the form that a schema says."""
    document = json.loads(found.read_text(encoding="utf-8")) if isinstance(found, Path) else found
    validator(name).validate(document)
    return document


def keys(schema: Any) -> Iterator[str]:
    """Every key that a schema names, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from keys(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from keys(part)

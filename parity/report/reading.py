"""Reports of earlier runs, read back: `parity.json`, and what `--resume` goes on from. All of it by its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.schema import check_form
from parity.report.document import SCHEMA

MARGIN = {"stage": str, "least_headroom": (float, None), "least_where": str}
REPORT = {"fixtures": [{"name": str, "margins": ([MARGIN], None)}]}


def read_report(path: Path, said: str = "--report ") -> dict[str, Any]:
    """A run's `parity.json`, as far as margins are told from it.

    Parameters
    ----------
    said : what stands before the path in errors

    Raises
    ------
    InputError : it cannot be read, is of another schema, or holds something else where margins are
    """
    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{said}{path}: cannot be read as a report ({one_line(error)})") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"{said}{path}: not a report of schema {SCHEMA}; make one with: parity run")
    try:
        check_form(document, REPORT)
    except ValueError as error:
        raise InputError(f"{said}{path}: {one_line(error, 160)}; was it edited? make one with: parity run") from None
    return document


def form_of(kind: Any, *without: str) -> dict[str, Any]:
    """The form of a dataclass's fields as JSON has them, some left out, by their annotations: `parity.files.schema`."""
    return {one.name: _FORMS[str(one.type)] for one in fields(kind) if one.name not in without}


_FORMS: Mapping[str, Any] = {
    "str": str,
    "bool": bool,
    "int": int,
    "float": float,
    "str | None": (str, None),
    "bool | None": (bool, None),
    "float | None": (float, None),
    "tuple[str, ...]": [str],
    "tuple[str, str]": [str],
}

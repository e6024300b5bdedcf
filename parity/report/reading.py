"""Reports of earlier runs, read back: `parity.json`, and what `--resume` goes on from. All of it by its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast

from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.schema import check_form
from parity.report.document import SCHEMA

T = TypeVar("T")

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


def read_calibration(path: Path, weights: str, schema: int, form: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier calibration kept, to go on from.

    Parameters
    ----------
    weights : name of the weight set that it has to have been made with
    schema, form : that it has to have

    Raises
    ------
    InputError : it cannot be read, is of another form, or was made with other weights
    """
    try:
        document: dict[str, Any] = read_json(path)
        check_form(document, {"schema": int, "weights": str})
        if document["schema"] != schema or document["weights"] != weights:
            raise ValueError(f"schema {document['schema']} with weights {document['weights']}")
        check_form(document, form)
    except (OSError, ValueError) as error:
        raise InputError(f"--resume {path}: cannot be gone on from ({one_line(error)})") from error
    return document


def row_as(kind: type[T], row: Mapping[str, Any]) -> T:
    """A dataclass of an object that has its form: other keys are passed over, lists are tuples."""
    values = {one.name: row[one.name] for one in fields(cast(Any, kind))}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


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

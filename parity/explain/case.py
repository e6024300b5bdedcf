"""A regression case: the few rows of one artefact that, put among the reference's own, bring a failure about.

Written by `parity explain --write-case`, run by `parity case`: everything before the artefact is the reference's,
everything behind it is native code. It needs no network where the artefact comes after the embeddings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.explain.elements import ELEMENT_AXES, in_sentence, mixed, signature
from parity.explain.explanation import Element, Explanation
from parity.explain.patching import Patching
from parity.files.documents import read_document
from parity.files.schema import check_form
from parity.files.whole import write_text
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries

SCHEMA = 1
KEYS = {"schema", "fixture", "clip_sha256", "implementation", "artefact", "failure", "rows"}
ROW_KEYS = {"index", "where", "reference", "candidate"}
_NUMBER = (float, None)  # NaN, of an embedding that cannot be used, is null
_VALUES = (float, None, [(float, None, [_NUMBER])])
FORM = {
    **dict.fromkeys(("fixture", "clip_sha256", "implementation", "artefact", "failure"), str),
    "rows": [{"index": [int], "where": str, "reference": _VALUES, "candidate": _VALUES}],
}


@dataclass(frozen=True)
class Case:
    """One failure in a few rows.

    Attributes
    ----------
    fixture, clip_sha256 : where it was found
    implementation : whose rows they are
    artefact : what the rows belong to
    failure : in words, as `parity.explain.elements.in_sentence` says it
    rows : index, where it is in words, the reference's and the candidate's values
    """

    fixture: str
    clip_sha256: str
    implementation: str
    artefact: str
    failure: str
    rows: tuple[dict[str, Any], ...]


def case_of(found: Explanation, patching: Patching) -> Case:
    """The case that an explanation's sufficient elements make.

    Raises
    ------
    InputError : there are none, or they are too large to be a few rows
    """
    elements = found.elements
    if elements is None or not elements.sufficient:
        raise InputError(
            f"--write-case: {found.fixture}: no set of elements brings a failure about by itself"
            + ("" if found.answer_changed else "; the answer is that of the reference")
        )
    got, want = patching.made[elements.artefact], patching.reference[elements.artefact]
    if isinstance(want, ChunkSeries):
        raise InputError(f"--write-case: {elements.artefact} has 79,840 numbers per chunk, too many for a case of rows")
    rows = tuple(_row(element, want, got) for element in elements.sufficient)
    clip = patching.snapshot.clip_sha256
    return Case(found.fixture, clip, found.implementation, elements.artefact, elements.signature, rows)


def write_case(path: Path, case: Case) -> None:
    """Write a case, whole or not at all."""
    document = {"schema": SCHEMA, **vars(case), "rows": list(case.rows)}
    write_text(path, json.dumps(document, ensure_ascii=False) + "\n")


def read_case(path: Path) -> Case:
    """Read a case.

    Raises
    ------
    InputError : it cannot be read, or lacks something
    """
    document = read_document(path, "a case")
    if not isinstance(document, dict) or set(document) != KEYS or document["schema"] != SCHEMA:
        raise InputError(f"{path}: not a case of schema {SCHEMA}; expected the keys {', '.join(sorted(KEYS))}")
    try:
        check_form(document, FORM)
    except ValueError as error:
        raise InputError(f"{path}: {one_line(error, 160)}; was it edited?") from None
    if document["artefact"] not in ARTEFACTS or document["artefact"] not in ELEMENT_AXES:
        raise InputError(f"{path}: artefact {document['artefact']!r} is none that a case can be made of")
    rows = document["rows"]
    if not isinstance(rows, list) or not rows or any(not isinstance(r, dict) or set(r) != ROW_KEYS for r in rows):
        raise InputError(f"{path}: `rows` is not a list of rows, each with {', '.join(sorted(ROW_KEYS))}")
    fields = {key: document[key] for key in ("fixture", "clip_sha256", "implementation", "artefact", "failure")}
    return Case(**fields, rows=tuple(rows))


def run_case(case: Case, patching: Patching, path: Path) -> tuple[bool, str]:
    """Put the rows among the reference's own and see.

    Parameters
    ----------
    patching : of the case's fixture; its candidate plays no part
    path : of the case, for messages

    Returns
    -------
    whether the very failure comes about, and what happens in words

    Raises
    ------
    InputError : the rows do not fit the snapshot, or it was captured from another clip
    """
    if case.clip_sha256 != patching.snapshot.clip_sha256:
        raise InputError(f"{path}: made on clip {case.clip_sha256[:12]}, {case.fixture} is another one now")
    want = patching.reference.get(case.artefact)
    if not isinstance(want, np.ndarray):
        raise InputError(f"{path}: {case.fixture} has no {case.artefact}")
    changed = want.copy()
    for row in case.rows:
        index = tuple(row["index"])
        axes = ELEMENT_AXES[case.artefact]
        values = _array(row["candidate"], want.dtype)
        inside = len(index) == axes and all(0 <= i < n for i, n in zip(index, want.shape))
        fits = values is not None and values.shape == want.shape[axes:]
        if not (inside and fits and _same(want[index], row["reference"])):
            raise InputError(f"{path}: row {row['where']}: not a row of this snapshot's {case.artefact} {want.shape}")
        changed[index] = values
    units = [tuple(row["index"]) for row in case.rows]
    answer = patching.into_reference((), {case.artefact: mixed(want, changed, units)})
    if answer.same_as(patching.reference_answer):
        return False, "the answer is the reference's"
    said = in_sentence(signature(answer, patching.reference_answer))
    return said == case.failure, said


def _row(element: Element, want: np.ndarray, got: np.ndarray) -> dict[str, Any]:
    sides = {"reference": np.asarray(want[element.index]), "candidate": np.asarray(got[element.index])}
    return {"index": list(element.index), "where": element.where} | {k: _listed(v) for k, v in sides.items()}


def _listed(values: np.ndarray) -> Any:
    if values.dtype.kind != "f":
        return values.tolist()
    known = values.astype(object)
    known[np.isnan(values)] = None
    return known.tolist()


def _array(value: Any, dtype: np.dtype) -> np.ndarray | None:
    try:
        return np.asarray(value, dtype=dtype)
    except (ValueError, OverflowError):  # rows of several lengths, a number that the dtype does not hold
        return None


def _same(recorded: Any, written: Any) -> bool:
    found = _array(written, np.asarray(recorded).dtype)
    return found is not None and found.shape == np.shape(recorded) and np.array_equal(recorded, found, equal_nan=True)

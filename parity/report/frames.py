"""Tables of results and of documents: what `parity.to_frame` and every result's `to_frame` do.

Task: a result, several of one kind, a document as `--json` wrote it, or that file -> one table as a frame. A result is
first made the document that the reports make of it, so that a table has one definition (`parity.report.tables`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity import __version__
from parity.errors import InputError
from parity.files.documents import read_document
from parity.report.tables import (
    CALIBRATE,
    CATALOGUE,
    COMPARE,
    EXPLAIN,
    KINDS,
    LAYERS,
    MARGINS,
    RUN,
    RUNTIMES,
    STABILITY,
    VERIFICATION,
)
from parity.tables.table import Document, Tables

if TYPE_CHECKING:
    import pandas as pd

    from parity.fixtures import Fixture
    from parity.fixtures.stability import Stability
    from parity.margins import Margin

MARGINS_SCHEMA = STABILITY_SCHEMA = 1
Reader = tuple[Tables, Callable[[Sequence[Any]], Document]]
"""The tables of one type of result, and what makes a document of several of them."""


def to_frame(found: Any, table: str | None = None) -> pd.DataFrame:
    """One table of what the lab found.

    Parameters
    ----------
    found : a result (of `run_fixtures`, `explain`, `compare_dumps`, `calibrate`, `prove`, …), several of one kind, a
        document as `--json` writes it, or the path of one
    table : its name (docs/reference/tables.md); the first by default

    Returns
    -------
    One row per observation; columns always the same, with nullable dtypes, units in their names, `pandas.NA` where
    something is missing

    Raises
    ------
    InputError : no such table, or what was given is none of the above
    """
    tables, document = tables_of(found, table)
    return tables.frame(document, table)


def tables_of(found: Any, table: str | None = None) -> tuple[Tables, Document]:
    """The tables that something has, and the document they are read from; same errors as `to_frame`.

    Parameters
    ----------
    table : one of them, where a file may hold the reports of several commands, as `reports/bench.json` does
    """
    if isinstance(found, str | Path):
        found = _read(Path(found))
    if isinstance(found, Mapping) and (kinds := _kinds(found)):
        return next((kind for kind in kinds if table in kind.names), kinds[0]), found
    several = list(found) if isinstance(found, list | tuple) else [found]
    for kind, (tables, document) in _readers().items():
        if several and all(isinstance(entry, kind) for entry in several):
            return tables, document(several)
    raise InputError(f"a {type(found).__name__} has no tables: expected a result of the lab or a document of it")


def _kinds(document: Document) -> list[Tables]:
    """What a document is, and what else is in it: under keys of its own, or it is only alike."""
    of = [tables for tables in KINDS if tables.keys and tables.keys <= document.keys()]
    return [tables for tables in of if tables is of[0] or not tables.keys & of[0].keys]


def _read(path: Path) -> Any:
    document = read_document(path, "a report")
    if not isinstance(document, dict) or not _kinds(document):
        raise InputError(f"{path}: no report that has tables (docs/reference/tables.md)")
    return document


@functools.cache
def _readers() -> dict[type, Reader]:
    from parity.calibration import Calibration
    from parity.embedding import Costs, Verification
    from parity.explain import Explanation
    from parity.explain.localise import Answered
    from parity.fixtures import Catalogue, Fixture
    from parity.fixtures.stability import Stability
    from parity.gate import FixtureResult
    from parity.layers import Proof
    from parity.margins import Margin
    from parity.ports.dump import DumpComparison
    from parity.replay import Replay
    from parity.report.calibration import calibration_document
    from parity.report.comparison import comparison_data, comparison_document
    from parity.report.document import explanation_data, fixture_data
    from parity.report.layers import proof_data
    from parity.report.runtimes import costs_data
    from parity.report.verification import verification_data

    return {
        FixtureResult: (RUN, lambda results: {"fixtures": [fixture_data(result) for result in results]}),
        Replay: (RUN, lambda replays: {"fixtures": [fixture_data(_alone(replay)) for replay in replays]}),
        Explanation: (EXPLAIN, lambda found: explanation_data(_only(found))),
        Answered: (EXPLAIN, lambda found: explanation_data(_only(found).explanation)),
        DumpComparison: (COMPARE, lambda found: comparison_document([comparison_data(one) for one in found], [], {})),
        Calibration: (
            CALIBRATE,
            lambda found: calibration_document(_only(found), weights="", skipped={}, seconds=0.0),
        ),
        Proof: (LAYERS, lambda proofs: proof_data(proofs, "", None, "")),
        Costs: (RUNTIMES, lambda found: costs_data(_only(found))),
        Verification: (VERIFICATION, lambda found: verification_data(found, (), [""] * len(found), "")),
        Stability: (STABILITY, stability_document),
        Margin: (MARGINS, lambda found: margins_document({"": found})),
        Catalogue: (CATALOGUE, lambda found: catalogue_document(_only(found).fixtures)),
        Fixture: (CATALOGUE, catalogue_document),
    }


def margins_document(found: Mapping[str, Sequence[Margin]]) -> Document:
    """Decisions of fixtures by name, in the form that `parity.json` has them."""
    from parity.report.document import finite

    rows = [{"name": name, "margins": [finite(asdict(one)) for one in some]} for name, some in found.items()]
    return {"schema": MARGINS_SCHEMA, "version": __version__, "fixtures": rows}


def stability_document(found: Sequence[Stability]) -> Document:
    """How much answers stand, in the form that `parity.json` has it."""
    return {
        "schema": STABILITY_SCHEMA,
        "version": __version__,
        "fixtures": [
            {
                "name": one.fixture,
                "rounding_noise": one.rounding_noise,
                "stability": {
                    name: {**asdict(row), "first_change": row.first_change}
                    for name, row in (("embeddings", one.embeddings), ("fbank", one.fbank))
                },
            }
            for one in found
        ],
    }


def catalogue_document(fixtures: Sequence[Fixture]) -> Document:
    """The catalogue's fixtures, and whether they were captured."""
    from parity.fixtures.snapshot import MANIFEST

    names = ("recipe", "stresses", "num_speakers", "min_speakers", "max_speakers", "human_rttm", "clip_sha256")
    return {
        "catalogue": [
            {
                "fixture": fixture.name,
                "snapshot": (fixture.snapshot_folder / MANIFEST).exists(),
                **{name: getattr(fixture, name) for name in names},
            }
            for fixture in fixtures
        ]
    }


def _alone(replay: Any) -> Any:
    from parity.gate import DRIFT, PARITY, FixtureResult

    status = PARITY if replay.at_parity else DRIFT
    return FixtureResult("", status, seconds=sum(replay.stage_seconds.values()), replay=replay)


def _only(found: Sequence[Any]) -> Any:
    if len(found) > 1:
        raise InputError(f"{len(found)} of {type(found[0]).__name__}: ask each for its tables")
    return found[0]

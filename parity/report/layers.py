"""`parity layers`: its document, its table, and the verdict in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.layers.proof import LayerProof, Proof
from parity.report.grid import uncut
from parity.report.wording import scientific

COLUMNS = ("layer", "max abs", "relative", "limit", "worst chunk", "")


def proof_data(proofs: Iterable[Proof], runtime: str, version: str | None, weights: str) -> dict[str, Any]:
    """Everything that was found, as `parity layers --json` writes it; an infinite drift is the text inf."""
    return layers_document(map(fixture_layers, proofs), runtime, version, weights)


def layers_document(
    fixtures: Iterable[dict[str, Any]], runtime: str, version: str | None, weights: str
) -> dict[str, Any]:
    """The same, of rows of `fixture_layers`."""
    found = {"name": runtime, "version": version}
    return {"schema": 1, "runtime": found, "weights": weights, "fixtures": list(fixtures)}


def fixture_layers(proof: Proof) -> dict[str, Any]:
    """One fixture's row."""
    return {
        "name": proof.fixture,
        "chunks": list(proof.chunks),
        "sampled": proof.sampled,
        "first_out": proof.first_out,
        "looks_like": proof.looks_like,
        "layers": [_row(layer) for layer in proof.layers],
    }


def _row(layer: LayerProof) -> dict[str, Any]:
    return {
        "layer": layer.layer,
        "shape": list(layer.shape),
        "compared": layer.compared,
        "chunk": layer.chunk,
        "max_abs": _number(layer.drift),
        "relative": _number(layer.relative),
        "limit": layer.limit,
        "limit_of": "max_abs" if layer.layer == "embeddings" else "relative",
        "within": layer.within,
    }


def _number(value: float) -> float | str:
    return "inf" if value == float("inf") else value


def proof_table(found: dict[str, Any]) -> Table:
    """One row per layer, in the order of computation, at the fixture and chunk where it is worst."""
    grid = Table(box=SIMPLE_HEAD, title=_title(found), padding=(0, 1, 0, 0))
    grid.title_justify = grid.caption_justify = "left"
    for column in COLUMNS:
        grid.add_column(column, justify="left" if column in ("layer", "worst chunk", "") else "right", no_wrap=True)
    for index, layer in enumerate(found["fixtures"][0]["layers"]):
        name, row = worst(found, index)
        limit = f"{row['limit']:.0e}" + (" abs" if layer["limit_of"] == "max_abs" else "")
        where = f"{name} " if len(found["fixtures"]) > 1 else ""
        sizes = (scientific(float(row[key])) for key in ("max_abs", "relative"))
        grid.add_row(layer["layer"], *sizes, limit, f"{where}{row['chunk']}", "" if row["within"] else "out")
    grid.caption = "relative: to the largest absolute value of the reference's layer"
    if any(fixture["sampled"] for fixture in found["fixtures"]):
        grid.caption += (
            "\ndrift up to std: over a sample of the layer, its largest value, its RMS\n(docs/measured/layers.md)"
        )
    return uncut(grid)


def worst(found: dict[str, Any], index: int) -> tuple[str, dict[str, Any]]:
    """The fixture's name and row in which one layer, by its place, is furthest from its limit's zero."""
    rows = [(fixture["name"], fixture["layers"][index]) for fixture in found["fixtures"]]
    return max(rows, key=lambda entry: float(entry[1][entry[1]["limit_of"]]))


def proof_in_words(found: dict[str, Any]) -> list[str]:
    """The first layer out of tolerance, one line per fixture that has one; one line where none has."""
    lines = []
    for fixture in found["fixtures"]:
        if fixture["first_out"] is None:
            continue
        row = next(layer for layer in fixture["layers"] if layer["layer"] == fixture["first_out"])
        size = row["relative"]
        off = "of another shape, or not finite" if size == "inf" else f"off by {scientific(size)} of its scale"
        lines.append(f"{fixture['name']}: the first layer out of tolerance is {fixture['first_out']}: {off}")
        if fixture["looks_like"]:
            lines.append(f"  {fixture['looks_like']}")
    names = ", ".join(fixture["name"] for fixture in found["fixtures"])
    return lines or [f"Every layer is within tolerance: {names}."]


def _title(found: dict[str, Any]) -> str:
    version = f" {found['runtime']['version']}" if found["runtime"]["version"] else ""
    chunks = sum(len(fixture["chunks"]) for fixture in found["fixtures"])
    return f"embedding network in {found['runtime']['name']}{version}, {chunks} chunks, {found['weights']}"

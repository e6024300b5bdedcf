"""`python -m bench.layers`: the trunk's convolutions one by one, in every way that ncnn and ONNX Runtime have.

One thread, each distinct shape of the trunk on one chunk of 10 s, all ways in turns. Beside the seconds stands the
share of its own limit: its products at the rate of the machine's best matrix product (`bench.limit`). A direct
convolution has 2.25 times the products of F(2,3), 4 times those of F(4,3), 5.06 times those of F(6,3) (Lavin & Gray,
CVPR 2016); what is missing to 1 is spent on transforms and memory. Processor seconds; random values, no bias.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import ncnn
import numpy as np
import typer
from onnx import TensorProto, helper
from rich.box import SIMPLE_HEAD
from rich.table import Table

from bench.limit import FRAMES, sgemm_gflops
from parity.console import run_and_exit, stderr, stdout
from parity.files.whole import check_writable, write_text
from parity.networks.onnx_graph import IR_VERSION, OPSET
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.architecture import CONVOLUTIONS, NUM_MEL_BINS
from parity.networks.wespeaker.ncnn_graph import FLOAT32, MAGIC
from parity.networks.wespeaker.ncnn_runtime import SMALLER
from parity.report.document import environment

WINOGRAD = {
    "F(2,3)": "use_winograd23_convolution",
    "F(4,3)": "use_winograd43_convolution",
    "F(6,3)": "use_winograd63_convolution",
}
FEWER = {"direct": 1.0, "onnx": 1.0, "F(2,3)": 2.25, "F(4,3)": 4.0, "F(6,3)": 5.0625}
"""Products of a direct convolution for one of Winograd's (Lavin & Gray, CVPR 2016)."""

Shape = tuple[int, int, int, int, int, int]
"""Channels in, channels out, size, stride, mel bins in, frames in."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def layers(
    rounds: Annotated[int, typer.Option(min=1, help="Of all ways in turns, after one that is not counted.")] = 7,
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path(
        "reports/bench-layers.json"
    ),
) -> None:
    """Seconds of each distinct convolution of the trunk by algorithm, on one thread."""
    check_writable(json_path)
    peak = max(sgemm_gflops(1).values())
    found = []
    for shape, times in shapes().items():
        stderr.print(f"{shape}: {times} of the trunk")
        found.append(_row(shape, times, _measure(shape, rounds), peak))
    report = {
        "schema": 1,
        "machine": environment(),
        "threads": 1,
        "rounds": rounds,
        "product_gflops": peak,
        "layers": found,
        "trunk": _sums(found),
    }
    write_text(json_path, json.dumps(report, indent=1) + "\n")
    stdout.print(_table(report))


def shapes() -> dict[Shape, int]:
    """The trunk's distinct convolutions and how often each is there, in order."""
    found: dict[Shape, int] = {}
    now = entered = NUM_MEL_BINS, FRAMES
    for convolution in CONVOLUTIONS.values():
        out, channels, size, _ = convolution.shape
        shortcut = convolution.name.endswith("downsample.0")
        if convolution.name.endswith(".conv1"):
            entered = now
        shape = (channels, out, size, convolution.stride, *(entered if shortcut else now))
        found[shape] = found.get(shape, 0) + 1
        if not shortcut:
            now = -(-now[0] // convolution.stride), -(-now[1] // convolution.stride)
    return found


def _measure(shape: Shape, rounds: int) -> dict[str, float]:
    return {name: statistics.median(of) for name, of in in_turns(_ways(shape), rounds).items()}


def in_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each way in each round, all ways in turns, after a round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, run in ways.items():
            started = time.process_time()
            run()
            if number:
                seconds[name].append(time.process_time() - started)
    return seconds


def _ways(shape: Shape) -> dict[str, Callable[[], object]]:
    channels, out, size, stride, bins, frames = shape
    generator = np.random.default_rng(0)
    image = generator.standard_normal((channels, bins, frames)).astype(np.float32)
    weight = (generator.standard_normal((out, channels, size, size)) / size / channels**0.5).astype(np.float32)
    ways = {"onnx": _onnx(image, weight, stride), "direct": _ncnn(image, weight, stride, None)}
    if size == 3 and stride == 1:
        ways |= {name: _ncnn(image, weight, stride, name) for name in WINOGRAD}
    return ways


def _onnx(image: np.ndarray, weight: np.ndarray, stride: int) -> Callable[[], object]:
    pad = weight.shape[2] // 2
    value = helper.make_tensor_value_info
    node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[stride] * 2, pads=[pad] * 4)
    graph = helper.make_graph(
        [node],
        "one",
        [value("x", TensorProto.FLOAT, [1, *image.shape])],
        [value("y", TensorProto.FLOAT, [1, weight.shape[0], None, None])],
        [helper.make_tensor("w", TensorProto.FLOAT, weight.shape, weight.tobytes(), raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    network = OnnxNetwork(model.SerializeToString(), 1)
    return lambda: network(x=image[None])


def _ncnn(image: np.ndarray, weight: np.ndarray, stride: int, way: str | None) -> Callable[[], object]:
    net = ncnn.Net()
    options = net.opt
    options.num_threads = 1
    options.use_winograd_convolution = way is not None
    for name in dir(options):
        if name.startswith(SMALLER):
            setattr(options, name, False)
    for name, option in WINOGRAD.items():
        setattr(options, option, name == way)
    net.opt = options
    out, _, size, _ = weight.shape
    lines = [
        MAGIC,
        "2 2",
        "Input x 0 1 x",
        f"Convolution y 1 1 x y 0={out} 1={size} 3={stride} 4={size // 2} 5=0 6={weight.size}",
        "",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "p").write_text("\n".join(lines), encoding="ascii")
        (folder / "b").write_bytes(FLOAT32 + weight.astype("<f4").tobytes())
        if net.load_param(str(folder / "p")) or net.load_model(str(folder / "b")):
            raise RuntimeError("ncnn cannot read one convolution")

    def run() -> Any:
        extractor = net.create_extractor()
        extractor.input("x", ncnn.Mat(image))
        return extractor.extract("y")

    return run


def _row(shape: Shape, times: int, seconds: dict[str, float], peak: float) -> dict[str, Any]:
    channels, out, size, stride, bins, frames = shape
    gflop = 2 * channels * out * size**2 * -(-bins // stride) * -(-frames // stride) / 1e9
    return {
        "shape": dict(zip(("channels", "out", "size", "stride", "bins", "frames"), shape, strict=True)),
        "times": times,
        "gflop": round(gflop, 4),
        "seconds": {name: round(value, 6) for name, value in seconds.items()},
        "of_the_product": {name: round(gflop / value / peak, 3) for name, value in seconds.items()},
        "of_its_own_limit": {name: round(gflop / value / peak / FEWER[name], 3) for name, value in seconds.items()},
        "fastest": min(seconds, key=lambda name: seconds[name]),
    }


def _sums(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds of all convolutions: each way (direct where a layer does not have it), and every layer in its fastest."""

    def sum_of(way: str, otherwise: str) -> float:
        return round(sum(row["times"] * row["seconds"].get(way, row["seconds"][otherwise]) for row in rows), 4)

    sums = {way: sum_of(way, "direct") for way in FEWER}
    in_ncnn = [min(value for name, value in row["seconds"].items() if name != "onnx") * row["times"] for row in rows]
    whole = [min(row["seconds"].values()) * row["times"] for row in rows]
    return {**sums, "fastest in ncnn": round(sum(in_ncnn), 4), "fastest": round(sum(whole), 4)}


def _table(report: dict[str, Any]) -> Table:
    made = Table(
        box=SIMPLE_HEAD,
        title=f"ms on one thread; in brackets the share of its own limit ({report['product_gflops']} GFLOP/s)",
    )
    for name in ("layer", "times", *FEWER):
        made.add_column(name, justify="left" if name == "layer" else "right")
    for row in report["layers"]:
        made.add_row(_label(row["shape"]), str(row["times"]), *(_cell(row, way) for way in FEWER))
    made.add_section()
    sums = {name: f"{1e3 * seconds:.0f}" for name, seconds in report["trunk"].items()}
    made.add_row("all", "", *(sums[way] for way in FEWER))
    made.caption = f"each layer whichever is fastest: {sums['fastest in ncnn']} in ncnn, {sums['fastest']} of both"
    return made


def _label(shape: dict[str, int]) -> str:
    filters = f"{shape['channels']}>{shape['out']} {shape['size']}x{shape['size']}/{shape['stride']}"
    return f"{filters} {shape['bins']}x{shape['frames']}"


def _cell(row: dict[str, Any], way: str) -> str:
    if way not in row["seconds"]:
        return ""
    return f"{1e3 * row['seconds'][way]:.1f} ({row['of_its_own_limit'][way]:.2f})"


if __name__ == "__main__":
    run_and_exit(app)

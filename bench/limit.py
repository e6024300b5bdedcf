"""What the hardware allows: the rate of its best matrix product, and the work in the trunk.

A direct convolution is a matrix product at best, so no direct trunk takes less than its work at that rate; Winograd's
F(4x4, 3x3) needs 2.25 multiplications where a direct one needs 9 (Lavin & Gray, CVPR 2016), so it can.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import threadpoolctl
from onnx import TensorProto, helper

from parity.networks.onnx_graph import IR_VERSION, OPSET
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.architecture import CONVOLUTIONS, NUM_MEL_BINS

SIZE = 2048
ROUNDS = 5
FRAMES = 998


def trunk_gflop(frames: int = FRAMES) -> float:
    """Multiplications and additions of the trunk's convolutions on one chunk, in thousands of millions."""
    total, strides = 0, 1
    for convolution in CONVOLUTIONS.values():
        out, channels, size, _ = convolution.shape
        # A shortcut has the stride of its block's first convolution, which comes before it.
        strides = strides if convolution.name.endswith("downsample.0") else strides * convolution.stride
        total += 2 * out * channels * size**2 * -(-NUM_MEL_BINS // strides) * -(-frames // strides)
    return total / 1e9


def sgemm_gflops(threads: int) -> dict[str, float]:
    """The best rate of a float32 product of two 2048 x 2048 matrices, by library, in GFLOP/s."""
    left, right = np.random.default_rng(0).standard_normal((2, SIZE, SIZE)).astype(np.float32)
    products = {"numpy": lambda: left @ right, "onnxruntime": _onnx_product(left, right, threads)}
    if find_spec("torch"):
        products["torch"] = _torch_product(left, right, threads)
    with threadpoolctl.threadpool_limits(threads, "blas"):
        return {name: round(2 * SIZE**3 / 1e9 / _best(product), 1) for name, product in products.items()}


def limit(threads: int) -> dict[str, object]:
    """The machine's limit beside the trunk's work."""
    rates, work = sgemm_gflops(threads), trunk_gflop()
    peak = max(rates.values())
    return {
        "sgemm_gflops": rates,
        "trunk_gflop_a_chunk": round(work, 2),
        "direct_trunk_seconds_a_chunk": round(work / peak, 4),
    }


def _onnx_product(left: np.ndarray, right: np.ndarray, threads: int) -> Callable[[], object]:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIZE, SIZE]) for name in ("left", "right", "out")]
    graph = helper.make_graph([helper.make_node("MatMul", ["left", "right"], ["out"])], "sgemm", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    network = OnnxNetwork(model.SerializeToString(), threads)
    return lambda: network(left=left, right=right)


def _torch_product(left: np.ndarray, right: np.ndarray, threads: int) -> Callable[[], object]:
    import torch

    torch.set_num_threads(threads)
    a, b = torch.from_numpy(left), torch.from_numpy(right)
    return lambda: a @ b


def _best(run: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)

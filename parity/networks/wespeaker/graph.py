"""The WeSpeaker ResNet34 embedding network as ONNX graphs: the trunk, the pooling head, and both in one.

Task: fbank `(batch, frames, 80)` -> frame features -> one 256-dimensional embedding per speaker, pooled over the frames
that the speaker's mask keeps. The trunk is nearly all of the work and does not depend on the speaker, so it runs once
per chunk and the head once for all speakers of the chunk.

Source: `ResNet`, `BasicBlock`, `TSTP` in pyannote/audio/models/embedding/wespeaker/resnet.py and `StatsPool` in
pyannote/audio/models/blocks/pooling.py at tag 4.0.4; architecture after Wang et al., "WeSpeaker" (ICASSP 2023).
Convention: canonical array names are torchvision's (`layer2.0.downsample.0.weight`), see `architecture`; a node is
named after its layer, a convolution's stands for what its batch norm puts out, folded or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from parity.networks.onnx_graph import OPSET, Dims, GraphBuilder
from parity.networks.wespeaker.architecture import (
    BATCH_NORM_EPS,
    BLOCKS,
    CONVOLUTIONS,
    EMBEDDING_DIM,
    NORM_PARTS,
    NUM_MEL_BINS,
    POOLED_FEATURES,
    POOLING_EPS,
)
from parity.networks.wespeaker.batch_norm import fold_batch_norm

FBANK: Dims = ["batch", "frames", NUM_MEL_BINS]
EMBEDDINGS: Dims = ["batch", "speakers", EMBEDDING_DIM]

Arrays = Mapping[str, np.ndarray]


def build_trunk(arrays: Arrays, layers: Sequence[str] = (), *, fold: bool = True, opset: int = OPSET) -> bytes:
    """The trunk: `fbank` (batch, frames, 80) -> `features` (batch, 2560, ceil(frames / 8)), float32.

    Parameters
    ----------
    layers : nodes whose values are further outputs
    fold : whether batch norms go into the convolutions, in float64 and rounded once, or stay nodes of their own
    opset : version of the operators
    """
    graph = GraphBuilder("wespeaker_resnet34_trunk")
    _add_trunk(graph, arrays, fold)
    return graph.model({"fbank": FBANK}, {"features": ["batch", POOLED_FEATURES, "pooled_frames"]}, layers, opset)


def build_head(arrays: Arrays, layers: Sequence[str] = (), *, opset: int = OPSET) -> bytes:
    """The head: `features` (batch, 2560, n) and `weights` (batch, speakers, n) -> `embeddings` (batch, speakers, 256).

    Weighted mean and unbiased weighted standard deviation over time, with the reference's two epsilons, then a linear
    layer. A speaker whose weights are all zero gets the linear layer's bias.

    Parameters
    ----------
    layers : nodes whose values are further outputs
    opset : version of the operators
    """
    graph = GraphBuilder("wespeaker_resnet34_head")
    _add_head(graph, arrays, "weights")
    inputs: dict[str, Dims] = {
        "features": ["batch", POOLED_FEATURES, "pooled_frames"],
        "weights": ["batch", "speakers", "pooled_frames"],
    }
    return graph.model(inputs, {"embeddings": EMBEDDINGS}, layers, opset)


def build_network(arrays: Arrays, *, fold: bool = True, opset: int = OPSET) -> bytes:
    """The whole: `fbank` (batch, frames, 80), `weights` (batch, speakers, mask frames) -> `embeddings`, float32.

    Weights have any number of frames; the graph brings them to the pooled ones by the nearest rule (see `masks`).
    Parameters are those of `build_trunk`.
    """
    graph = GraphBuilder("wespeaker_resnet34")
    _add_trunk(graph, arrays, fold)
    _add_head(graph, arrays, _add_nearest(graph))
    inputs: dict[str, Dims] = {"fbank": FBANK, "weights": ["batch", "speakers", "mask_frames"]}
    return graph.model(inputs, {"embeddings": EMBEDDINGS}, opset=opset)


def _add_trunk(graph: GraphBuilder, arrays: Arrays, fold: bool) -> None:
    x = graph.add("Transpose", ["fbank"], "transposed", perm=[0, 2, 1])
    axis = graph.constant("channel_axis", np.array([1], dtype=np.int64))
    x = graph.add("Unsqueeze", [x, axis], "image")
    x = _conv_bn(graph, arrays, x, "conv1", fold)
    x = graph.add("Relu", [x], "conv1.relu")
    for name, _ in BLOCKS:
        x = _basic_block(graph, arrays, x, name, fold)
    shape = graph.constant("flattened", np.array([0, POOLED_FEATURES, -1], dtype=np.int64))
    graph.add("Reshape", [x, shape], "features")


def _basic_block(graph: GraphBuilder, arrays: Arrays, x: str, name: str, fold: bool) -> str:
    y = _conv_bn(graph, arrays, x, f"{name}.conv1", fold)
    y = graph.add("Relu", [y], f"{name}.relu1")
    y = _conv_bn(graph, arrays, y, f"{name}.conv2", fold)
    if f"{name}.downsample.0" in CONVOLUTIONS:
        x = _conv_bn(graph, arrays, x, f"{name}.downsample.0", fold)
    return graph.add("Relu", [graph.add("Add", [y, x], f"{name}.sum")], f"{name}.out")


def _conv_bn(graph: GraphBuilder, arrays: Arrays, x: str, name: str, fold: bool) -> str:
    _, norm, shape, stride = CONVOLUTIONS[name]
    options = {"kernel_shape": [*shape[2:]], "strides": [stride, stride], "pads": [shape[-1] // 2] * 4}
    if fold:
        weight, bias = fold_batch_norm(arrays, name, norm)
        weights = [graph.constant(f"{name}.weight", weight), graph.constant(f"{name}.bias", bias)]
        return graph.add("Conv", [x, *weights], name, **options)
    plain = graph.constant(f"{name}.weight", arrays[f"{name}.weight"])
    y = graph.add("Conv", [x, plain], f"{name}.product", **options)
    parts = [graph.constant(f"{norm}.{part}", arrays[f"{norm}.{part}"]) for part in NORM_PARTS]
    return graph.add("BatchNormalization", [y, *parts], name, epsilon=BATCH_NORM_EPS)


def _add_nearest(graph: GraphBuilder) -> str:
    """Weights at the pooled frames: frame i reads floor(i * (mask frames / frames)) in float32, at most the last."""

    def length(value: str) -> tuple[str, str]:
        count = graph.add("Shape", [value], f"{value}.frames", start=-1)
        return count, graph.add("Cast", [count], f"{value}.frames.float", to=1)  # FLOAT

    (mask_count, mask_float), (count, count_float) = length("weights"), length("features")
    scale = graph.add("Div", [mask_float, count_float], "nearest.scale")
    zero, one = (graph.constant(f"nearest.{n}", np.array(n, dtype=np.int64)) for n in (0, 1))
    scalar = graph.constant("nearest.scalar", np.array([0], dtype=np.int64))
    numbers = graph.add("Range", [zero, graph.add("Squeeze", [count, scalar], "nearest.count"), one], "nearest.range")
    position = graph.add("Mul", [graph.add("Cast", [numbers], "nearest.numbers", to=1), scale], "nearest.position")
    source = graph.add("Cast", [graph.add("Floor", [position], "nearest.floor")], "nearest.source", to=7)  # INT64
    last = graph.add("Sub", [mask_count, one], "nearest.last")
    indices = graph.add("Min", [source, last], "nearest.indices")
    return graph.add("Gather", ["weights", indices], "pooled_weights", axis=2)


def _add_head(graph: GraphBuilder, arrays: Arrays, weights: str) -> None:
    eps = graph.constant("eps", np.array(POOLING_EPS, dtype=np.float32))
    last = graph.constant("last_axis", np.array([-1], dtype=np.int64))
    second = graph.constant("second_axis", np.array([1], dtype=np.int64))
    third = graph.constant("third_axis", np.array([2], dtype=np.int64))
    x = graph.add("Unsqueeze", ["features", second], "features4")  # (batch, 1, 2560, n)
    w = graph.add("Unsqueeze", [weights, third], "weights4")  # (batch, speakers, 1, n)
    v1 = graph.add("Add", [graph.add("ReduceSum", [w, last], "w.sum"), eps], "v1")
    weighted = graph.add("ReduceSum", [graph.add("Mul", [x, w], "xw"), last], "xw.sum")
    mean = graph.add("Div", [weighted, v1], "mean")
    deviation = graph.add("Sub", [x, mean], "deviation")
    dx2 = graph.add("Mul", [deviation, deviation], "dx2")
    v2 = graph.add("ReduceSum", [graph.add("Mul", [w, w], "w2"), last], "v2")
    correction = graph.add("Sub", [v1, graph.add("Div", [v2, v1], "v2_over_v1")], "correction")
    denominator = graph.add("Add", [correction, eps], "denominator")
    spread = graph.add("ReduceSum", [graph.add("Mul", [dx2, w], "dx2w"), last], "dx2w.sum")
    std = graph.add("Sqrt", [graph.add("Div", [spread, denominator], "variance")], "std")
    stats = graph.add("Concat", [mean, std], "stats4", axis=2)  # (batch, speakers, 5120, 1)
    stats = graph.add("Squeeze", [stats, graph.constant("squeezed", np.array([3], dtype=np.int64))], "stats")
    linear = graph.constant("seg_1.weight", arrays["seg_1.weight"].astype(np.float32).T)
    projected = graph.add("MatMul", [stats, linear], "projected")
    graph.add("Add", [projected, graph.constant("seg_1.bias", arrays["seg_1.bias"])], "embeddings")

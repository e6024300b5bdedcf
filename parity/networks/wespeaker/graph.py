"""The WeSpeaker ResNet34 embedding network as two ONNX graphs: the trunk, and the pooling head.

Task: fbank `(batch, frames, 80)` -> frame features -> one 256-dimensional embedding a speaker, pooled over the frames
that the speaker's mask keeps. The trunk is nearly all of the work and does not depend on the speaker, so it runs once
a chunk and the head once for all speakers of the chunk.

Source: `ResNet`, `BasicBlock`, `TSTP` in pyannote/audio/models/embedding/wespeaker/resnet.py and `StatsPool` in
pyannote/audio/models/blocks/pooling.py at tag 4.0.4; architecture after Wang et al., "WeSpeaker" (ICASSP 2023).
Convention: canonical array names are torchvision's (`layer2.0.downsample.0.weight`), see `names.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from parity.networks.onnx_graph import GraphBuilder
from parity.networks.wespeaker.names import BLOCKS, EMBEDDING_DIM, NUM_MEL_BINS, POOLED_FEATURES

BATCH_NORM_EPS = 1e-5
POOLING_EPS = 1e-8


def build_trunk(arrays: Mapping[str, np.ndarray], layers: Sequence[str] = ()) -> bytes:
    """The trunk: `fbank` (batch, frames, 80) -> `features` (batch, 2560, ceil(frames / 8)), float32.

    Batch norms are folded into the convolutions in float64 and rounded once.

    Parameters
    ----------
    layers : nodes whose values are further outputs
    """
    graph = GraphBuilder("wespeaker_resnet34_trunk")
    x = graph.add("Transpose", ["fbank"], "transposed", perm=[0, 2, 1])
    axis = graph.constant("channel_axis", np.array([1], dtype=np.int64))
    x = graph.add("Unsqueeze", [x, axis], "image")
    x = _conv_bn(graph, arrays, x, "conv1", "bn1")
    x = graph.add("Relu", [x], "conv1.relu")
    for name, stride in BLOCKS:
        x = _basic_block(graph, arrays, x, name, stride)
    shape = graph.constant("flattened", np.array([0, POOLED_FEATURES, -1], dtype=np.int64))
    graph.add("Reshape", [x, shape], "features")
    return graph.model(
        {"fbank": ["batch", "frames", NUM_MEL_BINS]},
        {"features": ["batch", POOLED_FEATURES, "pooled_frames"]},
        layers,
    )


def build_head(arrays: Mapping[str, np.ndarray], layers: Sequence[str] = ()) -> bytes:
    """The head: `features` (batch, 2560, n) and `weights` (batch, speakers, n) -> `embeddings` (batch, speakers, 256).

    Weighted mean and unbiased weighted standard deviation over time, with the reference's two epsilons, then a linear
    layer. A speaker whose weights are all zero gets the linear layer's bias.

    Parameters
    ----------
    layers : nodes whose values are further outputs
    """
    graph = GraphBuilder("wespeaker_resnet34_head")
    eps = graph.constant("eps", np.array(POOLING_EPS, dtype=np.float32))
    last = graph.constant("last_axis", np.array([-1], dtype=np.int64))
    second = graph.constant("second_axis", np.array([1], dtype=np.int64))
    third = graph.constant("third_axis", np.array([2], dtype=np.int64))
    x = graph.add("Unsqueeze", ["features", second], "features4")  # (batch, 1, 2560, n)
    w = graph.add("Unsqueeze", ["weights", third], "weights4")  # (batch, speakers, 1, n)
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
    return graph.model(
        {
            "features": ["batch", POOLED_FEATURES, "pooled_frames"],
            "weights": ["batch", "speakers", "pooled_frames"],
        },
        {"embeddings": ["batch", "speakers", EMBEDDING_DIM]},
        layers,
    )


def _basic_block(graph: GraphBuilder, arrays: Mapping[str, np.ndarray], x: str, name: str, stride: int) -> str:
    y = _conv_bn(graph, arrays, x, f"{name}.conv1", f"{name}.bn1", stride)
    y = graph.add("Relu", [y], f"{name}.relu1")
    y = _conv_bn(graph, arrays, y, f"{name}.conv2", f"{name}.bn2")
    if f"{name}.downsample.0.weight" in arrays:
        x = _conv_bn(graph, arrays, x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
    return graph.add("Relu", [graph.add("Add", [y, x], f"{name}.sum")], f"{name}.out")


def _conv_bn(
    graph: GraphBuilder, arrays: Mapping[str, np.ndarray], x: str, conv: str, norm: str, stride: int = 1
) -> str:
    weight, bias = fold_batch_norm(arrays, conv, norm)
    size = weight.shape[-1]
    return graph.add(
        "Conv",
        [x, graph.constant(f"{conv}.weight", weight), graph.constant(f"{conv}.bias", bias)],
        conv,
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[size // 2] * 4,
    )


def fold_batch_norm(arrays: Mapping[str, np.ndarray], conv: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """The convolution's weight (out, in, h, w) and bias (out,), float32, that do the batch norm as well."""
    weight = arrays[f"{conv}.weight"].astype(np.float64)
    gain = arrays[f"{norm}.weight"] / np.sqrt(arrays[f"{norm}.running_var"].astype(np.float64) + BATCH_NORM_EPS)
    bias = arrays[f"{norm}.bias"] - gain * arrays[f"{norm}.running_mean"]
    return (weight * gain[:, None, None, None]).astype(np.float32), bias.astype(np.float32)

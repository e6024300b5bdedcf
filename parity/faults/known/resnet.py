"""Mistakes inside the embedding network's trunk: batch norms, strides, paddings, kernels, where the image is turned."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnx

from parity.community1.embeddings import embed
from parity.faults.fault import Fault, Workshop
from parity.faults.known.graphs import (
    Arrays,
    Changed,
    Edit,
    in_tf32,
    leave_out,
    node_of,
    nodes,
    over_the_batch,
    rounded_products,
    same,
    set_attributes,
    through_float16,
    trunk_with,
)
from parity.faults.known.planting import Run, fault
from parity.networks.wespeaker.architecture import BATCH_NORM_EPS, BLOCKS, CONVOLUTIONS

KERAS_EPS = 1e-3
NORMS = tuple(convolution.norm for convolution in CONVOLUTIONS.values())


def _norm_parts(arrays: Arrays, **values: float) -> Arrays:
    """Parts of all batch norms set to a value."""
    return {
        **arrays,
        **{
            f"{norm}.{part}": np.full_like(arrays[f"{norm}.{part}"], value)
            for norm in NORMS
            for part, value in values.items()
        },
    }


def unloaded(arrays: Arrays) -> Arrays:
    """Batch norms with the statistics that they are made with, mean 0 and variance 1."""
    return _norm_parts(arrays, running_mean=0.0, running_var=1.0)


def shiftless(arrays: Arrays) -> Arrays:
    """Batch norms that only scale, as where a convolution's bias is lost when they are folded into it."""
    return _norm_parts(arrays, running_mean=0.0, bias=0.0)


def eps_of_keras(arrays: Arrays) -> Arrays:
    """1e-3 added to variances."""
    more = {f"{norm}.running_var": arrays[f"{norm}.running_var"] + (KERAS_EPS - BATCH_NORM_EPS) for norm in NORMS}
    return {**arrays, **{name: array.astype(np.float32) for name, array in more.items()}}


def kernels_transposed(arrays: Arrays) -> Arrays:
    """Height and width of every kernel taken for one another."""
    return {name: array.swapaxes(2, 3).copy() if array.ndim == 4 else array for name, array in arrays.items()}


def kernels_flipped(arrays: Arrays) -> Arrays:
    """Every kernel turned round in both directions, as a convolution has it."""
    return {name: array[:, :, ::-1, ::-1].copy() if array.ndim == 4 else array for name, array in arrays.items()}


def _over_the_batch(model: onnx.ModelProto) -> None:
    for node in nodes(model, "BatchNormalization"):
        over_the_batch(model, node, dims=4)


def _padded_as_tensorflow(model: onnx.ModelProto) -> None:
    # Where one zero is needed it goes to the end.
    for node in nodes(model, "Conv"):
        kept = [attribute for attribute in node.attribute if attribute.name != "pads"]
        del node.attribute[:]
        node.attribute.extend(kept)
        set_attributes(node, auto_pad="SAME_UPPER")


def _stride_in_the_second(model: onnx.ModelProto) -> None:
    for block, stride in BLOCKS:
        if stride == 2:
            set_attributes(node_of(model, f"{block}.conv1"), strides=[1, 1])
            set_attributes(node_of(model, f"{block}.conv2"), strides=[2, 2])


def _rectified_before_the_sum(model: onnx.ModelProto) -> None:
    for block, _ in BLOCKS:
        summed, out = node_of(model, f"{block}.sum"), node_of(model, f"{block}.out")
        place = list(model.graph.node).index(summed)
        own = f"{block}.own"
        model.graph.node.insert(place, onnx.helper.make_node("Relu", [summed.input[0]], [own]))
        summed.input[0] = own
        leave_out(model, out.output[0])


def _not_turned(model: onnx.ModelProto) -> None:
    leave_out(model, "transposed")


def _without_the_last(model: onnx.ModelProto) -> None:
    leave_out(model, f"{BLOCKS[-1][0]}.out")


def _shortcut_forgotten(model: onnx.ModelProto) -> None:
    for block, stride in BLOCKS:
        if stride == 1 and block != BLOCKS[0][0]:
            leave_out(model, f"{block}.sum")


def _trunk(
    name: str,
    about: str,
    change: Changed = same,
    edit: Edit | None = None,
    *,
    fold: bool = True,
    neighbours: bool = False,
) -> Fault:
    def make(native: Run, workshop: Workshop) -> Run:
        trunk = trunk_with(workshop, name, change, edit, fold=fold)
        return partial(
            embed, trunk=trunk if neighbours else workshop.remembered("trunk", trunk), head=workshop.networks.head
        )

    return fault(name, "embeddings", about, make, reruns_trunk=True, neighbours=neighbours)


FAULTS = [
    _trunk("batch_norm_unloaded", "batch norms with mean 0 and variance 1, their statistics never loaded", unloaded),
    _trunk(
        "batch_norm_of_the_batch",
        "batch norms with the batch's own statistics, as in training",
        edit=_over_the_batch,
        fold=False,
        neighbours=True,
    ),
    _trunk("batch_norm_without_shift", "batch norms that only scale: biases lost where they are folded", shiftless),
    _trunk("batch_norm_eps", "1e-3 added to variances, Keras' default, instead of 1e-5", eps_of_keras),
    _trunk("kernels_transposed", "height and width of kernels taken for one another", kernels_transposed),
    _trunk("kernels_flipped", "kernels turned round: a convolution where networks correlate", kernels_flipped),
    _trunk(
        "padding_at_the_end",
        "an odd zero put after the image, as TensorFlow pads, where the stride is 2",
        edit=_padded_as_tensorflow,
    ),
    _trunk(
        "stride_in_the_second",
        "a block's stride in its second convolution instead of its first",
        edit=_stride_in_the_second,
    ),
    _trunk(
        "rectified_before_the_sum",
        "blocks rectified before the shortcut is added, not after",
        edit=_rectified_before_the_sum,
    ),
    _trunk("last_rectifier_missing", "the trunk's last rectifier left out", edit=_without_the_last),
    _trunk("shortcuts_forgotten", "shortcuts not added where they are plain", edit=_shortcut_forgotten),
    _trunk("image_not_turned", "frames by bins given as bins by frames: the sizes fit all the same", edit=_not_turned),
    _trunk("tf32_trunk", "TF32 in the embedding network's convolutions instead of float32", edit=in_tf32),
    _trunk(
        "float16_trunk",
        "activations of the embedding network in float16 instead of float32",
        edit=partial(rounded_products, steps=through_float16),
    ),
]

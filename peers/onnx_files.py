"""The two networks of a weight set as the ONNX files that sherpa-onnx opens.

sherpa-onnx asks of the segmentation model one input `(1, 1, samples)`, one output `(1, frames, 7)` of class scores and
the geometry of its windows in samples; of the embedding model one input `(1, frames, 80)`, one output `(1, 256)`, and
how samples and features are scaled. Source: the metadata that its loaders name one by one where they are missing.
`normalize_samples` 0 means samples in 16-bit scale and `global-mean` that each bin's mean is taken off, both as in
pyannote; window, bands and edges of its filterbank cannot be chosen (see docs/measured/peers.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from parity.community1 import geometry
from parity.files import writing_file
from parity.networks.onnx_graph import IR_VERSION
from parity.networks.pyannet import NUM_CLASSES, build_pyannet
from parity.networks.wespeaker.architecture import EMBEDDING_DIM
from parity.networks.wespeaker.graph import build_head, build_trunk
from parity.sources import WeightSet

SEGMENTATION = {
    "model_type": "pyannote-segmentation-3.0",
    "num_speakers": 3,
    "powerset_max_classes": 2,
    "num_classes": NUM_CLASSES,
    "sample_rate": geometry.SAMPLE_RATE,
    "window_size": geometry.CHUNK_SAMPLES,
    "receptive_field_size": round(geometry.FRAME_SECONDS * geometry.SAMPLE_RATE),
    "receptive_field_shift": round(geometry.FRAME_STEP_SECONDS * geometry.SAMPLE_RATE),
}
EMBEDDING = {
    "framework": "wespeaker",
    "language": "English",
    "sample_rate": geometry.SAMPLE_RATE,
    "output_dim": EMBEDDING_DIM,
    "normalize_samples": 0,
    "feature_normalize_type": "global-mean",
}


def write_onnx_files(weights: WeightSet, folder: Path) -> dict[str, str]:
    """Write both networks, whole or not at all.

    Returns
    -------
    paths : of `segmentation` and `embedding`

    Raises
    ------
    InputError : the folder cannot be written
    """
    models = {"segmentation": segmentation_model(weights), "embedding": embedding_model(weights)}
    for name, model in models.items():
        with writing_file(folder / f"{name}.onnx") as temporary:
            temporary.write_bytes(model.SerializeToString(deterministic=True))
    return {name: str(folder / f"{name}.onnx") for name in models}


def segmentation_model(weights: WeightSet) -> ModelProto:
    """PyanNet: `waveforms` (batch, 1, samples) -> `log_probabilities` (batch, frames, 7), float32."""
    return _described(onnx.load_from_string(build_pyannet(weights.segmentation)), SEGMENTATION)


def embedding_model(weights: WeightSet) -> ModelProto:
    """ResNet34 from end to end: `fbank` (batch, frames, 80) -> `embedding` (batch, 256), pooled over all frames.

    The trunk and the head are the project's own two graphs; between them every frame gets the weight 1.
    """
    trunk = onnx.load_from_string(build_trunk(weights.embedding))
    head = onnx.load_from_string(build_head(weights.embedding))
    one = numpy_helper.from_array(np.array([1], dtype=np.int64), "one_speaker")
    only = helper.make_node("Squeeze", ["embeddings", one.name], ["embedding"])  # of the axis of speakers
    graph = helper.make_graph(
        [*trunk.graph.node, *_ones(one.name), *head.graph.node, only],
        "wespeaker_resnet34",
        list(trunk.graph.input),
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", EMBEDDING_DIM])],
        [*trunk.graph.initializer, *head.graph.initializer, one],
    )
    model = helper.make_model(graph, opset_imports=trunk.opset_import, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return _described(model, EMBEDDING)


def _ones(one: str) -> list[NodeProto]:
    """`weights` (batch, 1, n) of ones, for `features` (batch, 2560, n)."""
    value = helper.make_tensor("ones.value", TensorProto.FLOAT, [1], [1.0])
    return [
        helper.make_node("Shape", ["features"], ["ones.batch"], start=0, end=1),
        helper.make_node("Shape", ["features"], ["ones.frames"], start=2, end=3),
        helper.make_node("Concat", ["ones.batch", one, "ones.frames"], ["ones.shape"], axis=0),
        helper.make_node("ConstantOfShape", ["ones.shape"], ["weights"], value=value),
    ]


def _described(model: ModelProto, metadata: dict[str, object]) -> ModelProto:
    helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    return model

"""The head of an RNN-T model in the GigaAM layout: its arrays, checked, and the sizes that they imply.

Task: a state dict with `head.decoder.*` (embedding, LSTM) and `head.joint.*` (three linear layers) -> `Head`. Any
number of LSTM layers and any sizes; what is beside the head (encoder, preprocessor) is left alone.

Source: `RNNTDecoder`, `RNNTJoint` and `RNNTHead` in gigaam/decoder.py, gigaam 0.1.0. Convention: the blank is the last
class, so a vocabulary of V tokens has V + 1 classes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.errors import InputError
from parity.networks.arrays import checked
from parity.networks.checkpoint import check_finite, combined_hash, tensor_hashes

PREFIX = "head."
CTC_WEIGHT = "head.decoder_layers.0.weight"
WHAT = "an RNN-T head in the GigaAM layout"


@dataclass(frozen=True, eq=False)
class Head:
    """Predictor and joint of one model.

    Attributes
    ----------
    arrays : float32, by their names without `head.`: `decoder.embed.weight` (classes, pred_hidden),
        `decoder.lstm.{weight_ih,weight_hh,bias_ih,bias_hh}_l{n}` with gates stacked i, f, g, o,
        `joint.{pred,enc,joint_net.1}.{weight,bias}`
    layers : of the LSTM
    classes : vocabulary and blank
    pred_hidden, enc_hidden, joint_hidden : widths of predictor, encoder frames and joint
    """

    arrays: Mapping[str, np.ndarray]
    layers: int
    classes: int
    pred_hidden: int
    enc_hidden: int
    joint_hidden: int

    @property
    def blank(self) -> int:
        """The class that emits nothing: the last one."""
        return self.classes - 1

    @property
    def state_shape(self) -> tuple[int, int, int]:
        """Of an LSTM state: (2, layers, pred_hidden), hidden before cell."""
        return (2, self.layers, self.pred_hidden)

    @property
    def sha256(self) -> str:
        """Of all arrays, names and shapes included."""
        return combined_hash(tensor_hashes(self.arrays))


def head_of(state_dict: Mapping[str, np.ndarray], origin: str | Path) -> Head:
    """The RNN-T head among a model's arrays.

    Parameters
    ----------
    state_dict : arrays by the checkpoint's names
    origin : the file they came from, for messages

    Raises
    ------
    InputError : it is a CTC head or none at all; arrays are missing, unexpected, of another shape, or not finite
    """
    if CTC_WEIGHT in state_dict:
        raise InputError(
            f"{origin}: has a CTC head ({CTC_WEIGHT}), with no predictor and no joint; an RNN-T checkpoint is wanted"
        )
    found = {name.removeprefix(PREFIX): a for name, a in state_dict.items() if name.startswith(PREFIX)}
    if not found:
        raise InputError(f"{origin}: none of its {len(state_dict)} arrays is named {PREFIX}…: not {WHAT}")
    sizes = _sizes(found, origin)
    arrays = checked(found, expected_shapes(**sizes), what=WHAT, origin=str(origin))
    check_finite(arrays, Path(origin))
    return Head(arrays, **sizes)


def expected_shapes(
    layers: int, classes: int, pred_hidden: int, enc_hidden: int, joint_hidden: int
) -> dict[str, tuple[int, ...]]:
    """Shape of every array of a head of these sizes, by its name without `head.`."""
    shapes: dict[str, tuple[int, ...]] = {"decoder.embed.weight": (classes, pred_hidden)}
    for layer in range(layers):
        for way in ("ih", "hh"):
            shapes[f"decoder.lstm.weight_{way}_l{layer}"] = (4 * pred_hidden, pred_hidden)
            shapes[f"decoder.lstm.bias_{way}_l{layer}"] = (4 * pred_hidden,)
    widths = {"pred": (joint_hidden, pred_hidden), "enc": (joint_hidden, enc_hidden)}
    for name, shape in {**widths, "joint_net.1": (classes, joint_hidden)}.items():
        shapes |= {f"joint.{name}.weight": shape, f"joint.{name}.bias": shape[:1]}
    return shapes


def _sizes(found: Mapping[str, np.ndarray], origin: str | Path) -> dict[str, int]:
    telling = ("decoder.embed.weight", "joint.enc.weight")
    wrong = [name for name in telling if name not in found or found[name].ndim != 2 or not found[name].size]
    if wrong:
        raise InputError(f"{origin}: not {WHAT}: {', '.join(wrong)} missing or no matrix")
    (classes, pred_hidden), (joint_hidden, enc_hidden) = (found[name].shape for name in telling)
    if classes < 2:
        raise InputError(f"{origin}: not {WHAT}: {classes} class, at least 2 (a token and the blank) are needed")
    layers = {int(m[1]) for name in found if (m := re.fullmatch(r"decoder\.lstm\.weight_hh_l(\d{1,3})", name))}
    return {
        "layers": max(layers, default=0) + 1,
        "classes": classes,
        "pred_hidden": pred_hidden,
        "enc_hidden": enc_hidden,
        "joint_hidden": joint_hidden,
    }

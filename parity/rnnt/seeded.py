"""Heads and encoder frames made from a seed, for runs without a real checkpoint.

Neither has heard speech: a seeded head has a real one's sizes and arithmetic, not its knowledge, and what it decodes
means nothing. Whatever is measured on one says so. A head of random weights alone is stuck after a few tokens, in
blanks or in bursts, so sixteen units of every layer are wired by hand: an encoder frame says which of sixteen codes is
heard, the predictor which code the last token had, and the joint emits where the two differ. All else is random.

Task: a seed -> the same bytes on every machine. Random bits are NumPy's PCG64 (its stream is fixed for good); what is
made of them is sums and products of float64, one rounding at a time, and no library function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parity.files.whole import sha256_bytes
from parity.rnnt.head import PREFIX, Head, expected_shapes, head_of

# What torch would draw, uniform in 1 / sqrt(fan-in), is drawn and multiplied: gates saturate now and then.
GAINS = {"lstm": 2.0, "enc": 1.0, "pred": 4.0, "joint_net": 4.0}

CODES = 16
CODED = 2.0  # a token's code in its embedding, plus or minus
OPEN = 4.0  # bias of a gate that is open; minus that, shut
HEARD, SPOKEN, THRESHOLD = 8.0, 4.0, -5.0  # weights and bias of the joint's unit of a code: heard, and not just spoken
SAY = 2.0  # what such a unit does for the tokens of its code, and against the blank

SOUNDS, SILENCE_SHARE = 48, 5  # one sound in five is silence
SHORTEST, LONGEST = 2, 6  # frames a sound lasts, the second exclusive
GLIDE, NOISE = 0.6, 0.35
PUSHED, PUSH = 2, 0.9  # how many codes a pushed frame has at once, and how loud: one is never the last spoken

HALF_WORD = 1 << 16
ROOT_THREE = 1.7320508075688772


@dataclass(frozen=True)
class SeededHead:
    """A recipe of a head.

    Attributes
    ----------
    name : in tables and manifests
    layers, classes : of the LSTM; vocabulary and blank
    blank_bias : added to the blank's bias, found by trying: searches emit a token every three to five frames
    seed : of its bits
    pred_hidden, enc_hidden, joint_hidden : widths, those of the published models by default; at least 16
    """

    name: str
    layers: int
    classes: int
    blank_bias: float
    seed: int
    pred_hidden: int = 320
    enc_hidden: int = 768
    joint_hidden: int = 320

    def state_dict(self) -> dict[str, np.ndarray]:
        """Its arrays as a checkpoint has them: float32, `head.decoder.*` and `head.joint.*`."""
        shapes = expected_shapes(self.layers, self.classes, self.pred_hidden, self.enc_hidden, self.joint_hidden)
        arrays = {name: self._drawn(name, shape, at) for at, (name, shape) in enumerate(shapes.items())}
        self._wire(arrays)
        return {f"{PREFIX}{name}": array.astype(np.float32) for name, array in arrays.items()}

    def head(self) -> Head:
        """The head, checked as any other."""
        return head_of(self.state_dict(), f"seeded head {self.name}")

    def _drawn(self, name: str, shape: tuple[int, ...], position: int) -> np.ndarray:
        bits, part = np.random.PCG64([self.seed, position]), name.split(".")[1]
        if part == "embed":
            return normal(bits, shape)
        fan_in = {"enc": self.enc_hidden, "joint_net": self.joint_hidden}.get(part, self.pred_hidden)
        return uniform(bits, shape) * ((1.0 if "bias" in name else GAINS[part]) / float(fan_in) ** 0.5)

    def _wire(self, arrays: dict[str, np.ndarray]) -> None:
        codes = np.arange(CODES)
        token_codes = np.arange(self.classes)[:, None] % CODES == codes
        embedding, joint = arrays["decoder.embed.weight"], arrays["joint.joint_net.1.weight"]
        embedding[:, :CODES] = np.where(token_codes, CODED, -CODED)
        embedding[-1] = 0.0  # as torch keeps a padding row
        for layer in range(self.layers):
            self._wire_layer(arrays, layer)
        for name, weight in (("enc", HEARD), ("pred", -SPOKEN)):
            arrays[f"joint.{name}.weight"][:CODES] = 0.0
            arrays[f"joint.{name}.weight"][codes, codes] = weight
            arrays[f"joint.{name}.bias"][:CODES] = THRESHOLD if name == "enc" else 0.0
        joint[:, :CODES] = np.where(token_codes, SAY, 0.0)
        joint[-1, :CODES] = -SAY
        arrays["joint.joint_net.1.bias"][-1] += self.blank_bias

    def _wire_layer(self, arrays: dict[str, np.ndarray], layer: int) -> None:
        """The first units of a layer show their input's code and remember nothing: i and o open, f shut."""
        hidden, codes = self.pred_hidden, np.arange(CODES)
        for gate, bias in enumerate((OPEN, -OPEN, 0.0, OPEN)):
            rows = slice(gate * hidden, gate * hidden + CODES)
            for way in ("ih", "hh"):
                arrays[f"decoder.lstm.weight_{way}_l{layer}"][rows] = 0.0
                arrays[f"decoder.lstm.bias_{way}_l{layer}"][rows] = bias if way == "ih" else 0.0
        arrays[f"decoder.lstm.weight_ih_l{layer}"][2 * hidden + codes, codes] = CODED * (1 + layer)


@dataclass(frozen=True)
class SeededUtterance:
    """A recipe of encoder frames.

    Attributes
    ----------
    name : in tables and manifests
    frames : how many
    seed : of their bits
    pushed : every so many frames one that the head never answers with the blank, so that the limit acts; 0 is none
    """

    name: str
    frames: int
    seed: int
    pushed: int = 0

    def encoded(self, enc_hidden: int = 768) -> np.ndarray:
        """(frames, enc_hidden) float32 of about unit variance.

        Sounds of a common inventory follow each other, 2 to 5 frames each, one in five of them silence; every frame
        goes 0.6 of the way to its sound's target from where the one before was, plus noise.
        """
        targets = normal(np.random.PCG64([SOUNDS]), (SOUNDS, enc_hidden))
        targets[:, :CODES] = np.arange(SOUNDS)[:, None] % CODES == np.arange(CODES)
        targets[0, :CODES] = 0.0
        noise = normal(np.random.PCG64([self.seed, 1]), (self.frames, enc_hidden)) * NOISE
        noise[:, :CODES] *= NOISE
        rows = np.empty((self.frames, enc_hidden))
        here = np.zeros(enc_hidden)
        for position, sound in enumerate(self._sounds()):
            here = here + (targets[sound] - here) * GLIDE
            rows[position] = here + noise[position]
        if self.pushed:
            rows[:: self.pushed, :PUSHED] = PUSH
        return rows.astype(np.float32)

    def _sounds(self) -> np.ndarray:
        """The sound of each frame, (frames,) int64; 0 is silence."""
        bits = np.random.PCG64([self.seed, 0]).random_raw(2 * self.frames + 2)
        lasts = SHORTEST + (bits[::2] >> np.uint64(11)) % np.uint64(LONGEST - SHORTEST)
        which = (bits[1::2] >> np.uint64(11)) % np.uint64(SOUNDS)
        spoken = np.where((bits[1::2] >> np.uint64(40)) % np.uint64(SILENCE_SHARE) == 0, 0, which)
        return np.repeat(spoken.astype(np.int64), lasts.astype(np.int64))[: self.frames]


def uniform(bits: np.random.BitGenerator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform in [-1, 1), float64, multiples of 2^-52."""
    raw = bits.random_raw(int(np.prod(shape))).reshape(shape)
    return (raw >> np.uint64(11)).astype(np.float64) / float(1 << 52) - 1.0


def normal(bits: np.random.BitGenerator, shape: tuple[int, ...]) -> np.ndarray:
    """Nearly normal, of unit variance: the sum of four uniform numbers of 16 bits, float64."""
    raw = bits.random_raw(int(np.prod(shape))).reshape(shape)
    quarters = sum(((raw >> np.uint64(shift)) % np.uint64(HALF_WORD)).astype(np.float64) for shift in (0, 16, 32, 48))
    return ((quarters + 2.0) / HALF_WORD - 2.0) * ROOT_THREE


def sha256_of(encoded: np.ndarray) -> str:
    """Of encoder frames: shape and little-endian float32 values."""
    little = np.ascontiguousarray(encoded, dtype="<f4")
    return sha256_bytes(f"{little.shape}".encode() + little.tobytes())

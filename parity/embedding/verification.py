"""Speaker verification as a sanity check: do embeddings tell who speaks, and equally well on every runtime?

Task: the excerpts that humans annotated -> windows of one voice -> embeddings -> cosine similarity of every pair of
windows, and the equal error rate. Conventions: every excerpt once, as it is, though several fixtures are made of it;
the stretches in which exactly one speaker has a turn are cut into windows of `WINDOW_SECONDS` from their beginning on,
the rest is left out; every frame of a window counts (a mask of ones). Speakers are AMI's own, whose names are those of
participants, the same in every meeting; pyannote's sample names two of its own. Neighbouring windows share a
microphone and a room, so the rate is no benchmark: it is there to be equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from parity.audio.reading import FULL_SCALE, SAMPLE_RATE
from parity.community1.fbank import compute_fbank
from parity.errors import InputError
from parity.fixtures import Fixture
from parity.fixtures.clips import excerpt
from parity.fixtures.material import Material, alone
from parity.networks.wespeaker.runtime import EmbeddingNetwork
from parity.tables import Tabular

WINDOW_SECONDS = 2.0
BATCH_SIZE = 8
DECIMALS = 4


@dataclass(frozen=True)
class Window:
    """A stretch of one voice.

    Attributes
    ----------
    source, speaker : of which excerpt, and who
    start : seconds of the excerpt
    samples : (WINDOW_SECONDS * 16000,) float32 in [-1, 1]
    """

    source: str
    speaker: str
    start: float
    samples: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Verification(Tabular):
    """What the embeddings of one runtime say of all pairs of windows.

    Attributes
    ----------
    runtime : its name
    same, different : cosine similarities of pairs of one speaker, and of two, float64
    """

    runtime: str
    same: np.ndarray = field(repr=False)
    different: np.ndarray = field(repr=False)

    @property
    def equal_error_rate(self) -> float:
        """See `equal_error_rate`."""
        return equal_error_rate(self.same, self.different)

    @property
    def rounded(self) -> tuple[float, float, float]:
        """Equal error rate and the mean of either kind, to `DECIMALS`."""
        same, different = float(self.same.mean()), float(self.different.mean())
        return round(self.equal_error_rate, DECIMALS), round(same, DECIMALS), round(different, DECIMALS)


def sources_of(fixtures: Iterable[Fixture]) -> list[str]:
    """The excerpts that annotated fixtures are made of, each once, in order."""
    listed = (f.arguments.get("sources", [f.arguments.get("source")]) for f in fixtures if f.human_rttm)
    return list(dict.fromkeys(source for sources in listed for source in sources))


def windows_of(fixtures: Iterable[Fixture]) -> list[Window]:
    """Every window of every excerpt that humans annotated.

    Raises
    ------
    InputError : there are no two windows of one speaker, or none of two speakers
    """
    found = [window for source in sources_of(fixtures) for window in cut(source, excerpt(source=source))]
    speakers = [window.speaker for window in found]
    if not 1 < len(set(speakers)) < len(speakers):
        raise InputError(
            f"{len(found)} windows of {len(set(speakers))} speakers: pairs of one speaker and of two are needed; "
            "name more fixtures that humans annotated (human_rttm in the catalogue)"
        )
    return found


def cut(source: str, material: Material) -> list[Window]:
    """The windows of one excerpt, in order of time."""
    length = round(WINDOW_SECONDS * SAMPLE_RATE)
    samples = (material.samples / FULL_SCALE).astype(np.float32)
    found = []
    for turn in alone(material.turns):
        first, last = round(turn.start * SAMPLE_RATE), min(round(turn.end * SAMPLE_RATE), len(samples))
        for start in range(first, last - length + 1, length):
            found.append(Window(source, turn.speaker, start / SAMPLE_RATE, samples[start : start + length]))
    return found


def verify(windows: Sequence[Window], network: EmbeddingNetwork) -> Verification:
    """Embed every window and compare every pair."""
    embeddings = embed(windows, network).astype(np.float64)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    first, second = np.triu_indices(len(windows), k=1)
    cosines = np.sum(embeddings[first] * embeddings[second], axis=1)
    speakers = np.array([window.speaker for window in windows])
    same = speakers[first] == speakers[second]
    return Verification(network.runtime, cosines[same], cosines[~same])


def embed(windows: Sequence[Window], network: EmbeddingNetwork) -> np.ndarray:
    """One embedding per window: (windows, 256) float32, not normalised."""
    rows = []
    for start in range(0, len(windows), BATCH_SIZE):
        fbank = np.stack([compute_fbank(window.samples) for window in windows[start : start + BATCH_SIZE]])
        weights = np.ones((len(fbank), 1, fbank.shape[1]), dtype=np.float32)
        rows.append(network.embed(fbank, weights)[0][:, 0])
    return np.concatenate(rows)


def equal_error_rate(same: np.ndarray, different: np.ndarray) -> float:
    """Where as large a share of `different` is accepted as of `same` is refused, between thresholds by a straight line.

    Parameters
    ----------
    same, different : scores of pairs, higher for likelier the same speaker; at least one of each
    """
    from sklearn.metrics import roc_curve

    labels = np.concatenate([np.ones(len(same)), np.zeros(len(different))])
    accepted, found, _ = roc_curve(labels, np.concatenate([same, different]), drop_intermediate=False)
    gap = accepted - (1 - found)  # rises from -1 to 1
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(accepted[after - 1] + share * (accepted[after] - accepted[after - 1]))


def largest_gap(found: Sequence[Verification]) -> float:
    """The largest difference of any pair's cosine between any two runtimes; 0 for a single one."""
    rows = np.stack([np.concatenate([entry.same, entry.different]) for entry in found])
    return float((rows.max(axis=0) - rows.min(axis=0)).max())

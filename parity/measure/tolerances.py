"""How far an artefact may be from the reference's: one table, a reason each. Loosening one is a one-line change.

Isolated tolerances judge a stage on the reference's own inputs, cascaded ones what the whole cascade makes of the
waveform. A zero means equal.
"""

from __future__ import annotations

from dataclasses import dataclass

NEAR_TIE = 1e-4
"""Log-probability gap below which the reference's own choice between two classes is noise: a frame 1.3e-5 apart flips
between platforms. Frames below it may differ; they are counted and named."""

DECISIVE_DRIFT = 2e-3
"""Largest change of the gap of the two best classes, relative to the gap where that is above 1. The gap decides;
log-probabilities of improbable classes do not. Torch itself is up to 9e-3 from its own float64 on 12_many_voices."""


@dataclass(frozen=True)
class Tolerance:
    """Limits for one artefact in one mode.

    Attributes
    ----------
    max_abs : largest absolute difference
    rms : root mean square of the difference; None where the largest says enough
    reason : why that much
    """

    max_abs: float
    reason: str
    rms: float | None = None


EXACT = Tolerance(0.0, "a decision: equal or not")

GAP_ALONE = Tolerance(
    5e-2,
    "torch's own float32 is up to 2.7e-2 from its float64 in 922 chunks of fourteen fixtures (06_long_mixture, chunk "
    "336), so two that are right may be twice that apart; where log-probabilities are recorded the truth is too",
)
"""Of `segmentation_logits` in chunks of which a snapshot holds only the gap of the two best classes: as DECISIVE_DRIFT
measures it."""

_RESTATED = "float64 arithmetic in the same order; only BLAS and LAPACK differ"

_STATE = Tolerance(5e-6, "float32 sums of 320 products, one step: at most 3.6e-6 over 4,000 steps of any head")
_KEPT = Tolerance(0.0, "copied or left alone: nothing is computed")

_HEARD = Tolerance(
    2e-7,
    "float32 sums of up to 80 products in another order, 1.5e-7 on noise of half scale; 16 bits are 1.5e-5",
)

ISOLATED: dict[str, Tolerance] = {
    "waveform": _HEARD,
    "chunk_waveforms": _HEARD,
    "segmentation_logits": Tolerance(DECISIVE_DRIFT, "judged on the gap of the two best classes only"),
    "segmentations": EXACT,
    "count": EXACT,
    "masks": EXACT,
    "fbank": Tolerance(
        1e-3,
        "the reference's own float32 is 4e-4 from its float64 in single quiet bins; RMS says more",
        rms=2e-5,
    ),
    "embeddings": Tolerance(1e-5, "float32 convolutions summed in another order, on the reference's own fbank"),
    "train_chunk_idx": EXACT,
    "train_speaker_idx": EXACT,
    "post_xvec": Tolerance(1e-10, _RESTATED),
    "post_plda": Tolerance(1e-10, f"{_RESTATED}; eigenvectors up to sign"),
    "phi": Tolerance(1e-10, _RESTATED),
    "dendrogram": Tolerance(1e-10, _RESTATED),
    "ahc_clusters": EXACT,
    "qinit": Tolerance(1e-10, _RESTATED),
    "q_final": Tolerance(1e-10, _RESTATED),
    "sp_final": Tolerance(1e-10, _RESTATED),
    "elbo_trajectory": Tolerance(1e-8, "a sum over all embeddings: 1e-10 of it is 1e-8 at magnitude 100"),
    "kmeans_clusters": EXACT,
    "centroids": Tolerance(1e-10, _RESTATED),
    "soft_clusters": Tolerance(1e-10, _RESTATED),
    "hard_clusters": EXACT,
    "discrete_diarization": EXACT,
    "exclusive_discrete_diarization": EXACT,
    "diarization": EXACT,
    "exclusive_diarization": EXACT,
    **dict.fromkeys(("step_frame", "step_symbols", "step_token", "next_frame", "next_symbols", "next_token"), EXACT),
    **dict.fromkeys(("chosen", "tokens", "token_frames"), EXACT),
    "predictor_output": _STATE,
    "predictor_state": _STATE,
    "step_state": _KEPT,
    "next_state": _KEPT,
    "log_probabilities": Tolerance(1e-5, "the gate of an RNN-T port: sums over up to 768 inputs, at magnitude 20"),
}

_PROPAGATED = "embedding drift of at most 1e-5 carried on"

_FREE_RUNNING = Tolerance(1e-5, "torch itself is 6.2e-6 off its float64 after 3,000 frames, ours 1.0e-6")

CASCADED: dict[str, Tolerance] = {
    **ISOLATED,
    "embeddings": Tolerance(1e-5, "the gate of every port: float32 convolutions on our own filterbank"),
    "post_xvec": Tolerance(1e-3, _PROPAGATED),
    "post_plda": Tolerance(1e-3, _PROPAGATED),
    "dendrogram": Tolerance(1e-4, _PROPAGATED),
    "q_final": Tolerance(1e-2, f"{_PROPAGATED}, through VBx's exponentials"),
    "sp_final": Tolerance(1e-3, f"{_PROPAGATED}, averaged over embeddings"),
    "elbo_trajectory": Tolerance(1e-1, f"{_PROPAGATED}, summed over embeddings"),
    "centroids": Tolerance(1e-4, _PROPAGATED),
    "soft_clusters": Tolerance(1e-4, _PROPAGATED),
    **dict.fromkeys(("step_state", "next_state", "predictor_state", "predictor_output"), _FREE_RUNNING),
}

LAYER_FLOOR = 1e-4
"""Of a network's layers: largest difference over the RMS of the reference's layer that is never out. One layer's
weights in float16 are 3.7e-4 (classifier) to 1.1e-2 away in that very layer, on 02_pyannote_sample and 09_telephone."""

LAYER_MULTIPLE = 5
"""How much further than the native arrays on the same chunks a candidate's layer may be. What float32 makes of a layer
depends on the audio: instance norm amplifies rounding tenfold in a quiet chunk (2e-3 on 11_quiet, 2e-4 on others)."""

LAYER_CEILING: dict[str, Tolerance] = {
    "segmentation": Tolerance(1e-2, "native arrays, two or three chunks of twelve fixtures: at most 3.3e-3 (11_quiet)"),
    "embedding": Tolerance(1e-3, "the same, on the reference's own fbank: at most 1.9e-4 (11_quiet)"),
    "own fbank": Tolerance(4e-3, "the same, on the native filterbank: at most 8.0e-4 (09_telephone)"),
}
"""Beyond it a layer is out whatever the native arrays do; without it, these could not be out themselves."""

LAYER_SHARE = Tolerance(1e-4, "of the embedding network on the reference's own fbank: float32 sums in another order")
"""`parity layers`: largest difference over the largest absolute value of the reference's layer."""


def tolerance(artefact: str, mode: str) -> Tolerance:
    """The limits of one artefact.

    Parameters
    ----------
    mode : `isolated` or `cascaded`
    """
    return {"isolated": ISOLATED, "cascaded": CASCADED}[mode][artefact]

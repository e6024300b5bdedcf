"""Everything that `import parity` offers, on the two shortest fixtures; run it from a checkout."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import parity

# Fixtures: recordings of which every intermediate was captured from pyannote.audio.
by_name = {fixture.name: fixture for fixture in parity.fixtures()}
short = by_name["14_partial_tail"]
snapshot = parity.read_snapshot(short.snapshot_folder)
print(f"{len(by_name)} fixtures; {short.name} holds {len(snapshot.values)} artefacts")

# Use it: who speaks when, in a file or in samples at 16 kHz; as RTTM or as pyannote's own class.
weights = parity.load_weights()
diarizer = parity.Diarizer(weights)
found = diarizer(str(short.clip()))
for segment, _, speaker in found.to_annotation("clip").itertracks(yield_label=True):
    print(f"{speaker} from {segment.start:.1f} s to {segment.end:.1f} s")
silence = parity.diarize(np.zeros(16_000), weights=weights)  # (num_samples,): one second
print(f"in silence: {len(silence.turns)} turns")

# Is it the same? Lines against lines, arrays against arrays.
score = parity.score(snapshot.values["diarization"], found.rttm("clip"))
print(f"DER {score.der}, confusion {score.confusion} s")
with tempfile.TemporaryDirectory() as dump:
    np.save(Path(dump) / "embeddings.npy", snapshot.values["embeddings"] * np.float32(1.001))  # what some port wrote
    print(f"the dump holds {', '.join(parity.read_dump(dump).values)}; it is well formed: {parity.validate(dump).ok}")
    compared = parity.compare(short, dump)
    print(f"{', '.join(artefact.name for artefact in compared.artefacts)}: {compared.verdict}")

# Where did it go wrong? A stage of your own in the place of the native one; here with a mistake in it.
networks = parity.load_networks(weights)
native = parity.community1_pipeline(networks, parity.Parameters(**weights.parameters))


def centroids(*inputs: np.ndarray) -> np.ndarray:
    """The native stage's, (num_clusters, 256) float64, each number a little too large."""
    made: np.ndarray = native["centroids"].run(*inputs)
    return made + 0.01


replayed = parity.replay(short, {"centroids": centroids}, weights=weights)
print(
    f"at parity: {replayed.at_parity}; first to drift: {replayed.first_drift.artefact if replayed.first_drift else '—'}"
)
explained = parity.explain(short, {"centroids": centroids}, weights=weights)
print(f"born in {', '.join(explained.named)}; the answer {'changed' if explained.answer_changed else 'is the same'}")
print(f"13_no_speech without any mistake at parity: {parity.replay('13_no_speech', weights=weights).at_parity}")

# How close is the next flip?
for margin in parity.margins(short):
    if margin.stage == "ahc" and margin.smallest is not None:
        print(f"{margin.decision}: {margin.where} is {margin.smallest:.3f} away")

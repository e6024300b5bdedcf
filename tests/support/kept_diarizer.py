"""A `Diarizer` whose networks work on nothing that they, as they are now, have seen before, in whatever test or run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from parity.community1.spoken import embed_spoken
from parity.diarize import Diarizer
from parity.kept import Results
from parity.kept.networks import ROWWISE, SEGMENTATION
from parity.kept.rows import KeptRows
from parity.kept.stages import kept_embeddings
from parity.networks.kept import content_key
from parity.networks.wespeaker.runtime import RUNTIMES, runtime_version


def kept_diarizer() -> Diarizer:
    """The default diarizer: segmentation and embeddings stand in the cache under their code, weights and inputs."""
    diarizer, results = Diarizer(), Results()
    assert diarizer.runtime in ROWWISE
    networks, weights = diarizer._networks, diarizer.weights
    key = results.key("segmentation", SEGMENTATION, ("onnxruntime",), content_key(weights.segmentation))
    hears = KeptRows(results, "segmentation", key, networks.segmentation)
    modules = ("parity.community1.spoken", "parity.community1.networks", RUNTIMES[diarizer.runtime].module)
    version = runtime_version(diarizer.runtime)
    key = results.key("spoken", modules, (), content_key(weights.embedding), diarizer.runtime, version)
    embed = partial(embed_spoken, trunk=networks.trunk, head=networks.head)
    kept = kept_embeddings(results, key, (networks.trunk, networks.head), embed)

    diarizer._networks = replace(networks, segmentation=hears)
    diarizer._embedding = lambda: _with_options(kept)
    return diarizer


def _with_options(kept):
    """What `Diarizer` calls with its own options, which change no result."""
    return lambda fbank, masks, **options: kept(fbank, masks)

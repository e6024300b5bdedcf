"""sherpa-onnx's offline diarization, on the two networks of the request.

Source: `OfflineSpeakerDiarization` of sherpa-onnx (https://k2-fsa.github.io/sherpa/onnx/speaker-diarization/).
Options: `segmentation`, `embedding`: ONNX files; `num_clusters`: -1 for unknown; `threshold`: of the cosine distance
at which the dendrogram is cut, where the number is unknown; `min_duration_on`, `min_duration_off`: seconds; turns
shorter than the first are dropped, gaps shorter than the second are filled.
"""

from __future__ import annotations

import sherpa_onnx as so

from peers.workers.protocol import Diarizer, serve


def load(request: dict) -> Diarizer:
    """Load both networks."""
    options, threads = request["options"], request["threads"]
    pyannote = so.OfflineSpeakerSegmentationPyannoteModelConfig(model=options["segmentation"])
    config = so.OfflineSpeakerDiarizationConfig(
        segmentation=so.OfflineSpeakerSegmentationModelConfig(pyannote=pyannote, num_threads=threads),
        embedding=so.SpeakerEmbeddingExtractorConfig(model=options["embedding"], num_threads=threads),
        clustering=so.FastClusteringConfig(num_clusters=options["num_clusters"], threshold=options["threshold"]),
        min_duration_on=options["min_duration_on"],
        min_duration_off=options["min_duration_off"],
    )
    if not config.validate():
        raise ValueError(f"sherpa-onnx refuses {config}")
    pipeline = so.OfflineSpeakerDiarization(config)

    def diarize(samples: list[float]) -> list[tuple[float, float, int]]:
        return [(turn.start, turn.end, turn.speaker) for turn in pipeline.process(samples).sort_by_start_time()]

    return diarize


if __name__ == "__main__":
    serve(load)

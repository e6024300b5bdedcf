"""Tables of the benchmarks of a checkout (`python -m bench`, `bench.scale`, `bench.rnnt`), from their reports."""

from __future__ import annotations

from collections.abc import Iterator

from parity.tables import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Table, Tables
from parity.tables.table import Document, Row

CLIP = Column("clip", TEXT, "name of the fixture")
SIDE = Column("side", TEXT, "`pyannote`, a runtime of ours, `plain`, `replay` or `sherpa-onnx`")

CLIPS = (
    CLIP,
    SIDE,
    Column("audio_seconds", NUMBER, "of the clip"),
    Column("speech", BOOLEAN, "whether pyannote hears anybody"),
    Column("rounds", INTEGER, "counted"),
    Column("seconds", NUMBER, "median of the rounds"),
    Column("cpu_seconds", NUMBER, "of all threads, median of the rounds"),
    Column("ratio", NUMBER, "pyannote's seconds to this side's of the same round, median"),
    Column("rttm_equal", BOOLEAN, "both RTTMs line for line pyannote's in every round; missing: not judged"),
    Column("peak_mb", NUMBER, "memory, largest of the rounds"),
)
ROUNDS = (CLIP, SIDE, Column("round", INTEGER, "from 1"), Column("ratio", NUMBER, "pyannote's seconds to this side's"))
STAGES = (CLIP, SIDE, Column("stage", TEXT, "name"), Column("seconds", NUMBER, "median of the rounds"))

RECORDINGS = (
    Column("networks", TEXT, "`run`, or `recorded`: recorded answers in their place"),
    Column("input", TEXT, "`samples` at 16 kHz in memory, or a `file` of 48 kHz in stereo"),
    Column("audio_seconds", NUMBER, "of the recording"),
    Column("runtime", TEXT, "of the embedding network"),
    Column("chunks", INTEGER, "of ten seconds"),
    Column("embeddings", INTEGER, "that are clustered"),
    Column("initial_clusters", INTEGER, "of AHC"),
    Column("speakers", INTEGER, "found"),
    Column("turns", INTEGER, "found"),
    Column("threads", INTEGER, "chunks at once"),
    Column("seconds", NUMBER, "wall time"),
    Column("segmentation_cpu_seconds", NUMBER, "of all threads", "cpu_seconds.segmentation"),
    Column("embeddings_cpu_seconds", NUMBER, "of all threads", "cpu_seconds.embeddings"),
    Column("after_cpu_seconds", NUMBER, "clustering and after, of all threads", "cpu_seconds.clustering and after"),
    Column("waveform_mb", NUMBER, "memory of the samples"),
    Column("peak_mb", NUMBER, "memory, of the process"),
)
CLUSTERING = (
    Column("embeddings", INTEGER, "that are clustered"),
    Column("chunks", INTEGER, "they come from"),
    Column("initial_clusters", INTEGER, "of AHC"),
    Column("speakers", INTEGER, "found"),
    Column("stage", TEXT, "name"),
    Column("seconds", NUMBER, "wall time"),
    Column("cpu_seconds", NUMBER, "of all threads"),
    Column("peak_mb", NUMBER, "memory, of the process so far"),
)
LINKAGE = (
    Column("embeddings", INTEGER, "that are clustered"),
    Column("way", TEXT, "`scipy` or `little_memory`"),
    Column("seconds", NUMBER, "wall time"),
    Column("cpu_seconds", NUMBER, "of all threads"),
    Column("more_mb", NUMBER, "memory it took more"),
    Column("equal", BOOLEAN, "whether both ways give the same dendrogram"),
)

HEADS = (
    Column("head", TEXT, "name of the seeded head", "name"),
    Column("steps", INTEGER, "of an utterance"),
    Column("tokens", INTEGER, "found"),
    Column("tokens_equal", BOOLEAN, "whether they are the reference's"),
    Column("reference_steps_per_second", NUMBER, "gigaam's search on PyTorch, median of the rounds"),
    Column("steps_per_second", NUMBER, "the backend, median of the rounds"),
    Column("ratio", NUMBER, "the reference's seconds to the backend's of the same round, median"),
)


def _sides(document: Document) -> Iterator[tuple[Row, str, Row]]:
    return ((clip, side, found) for clip in document["clips"] for side, found in clip["sides"].items())


def _clips(document: Document) -> Iterator[Row]:
    for clip, side, found in _sides(document):
        shared = {key: clip[key] for key in ("audio_seconds", "speech", "rounds")}
        yield {**found, **shared, "clip": clip["name"], "side": side}


def _rounds(document: Document) -> Iterator[Row]:
    for clip, side, found in _sides(document):
        for number, ratio in enumerate(found["ratios"], start=1):
            yield {"clip": clip["name"], "side": side, "round": number, "ratio": ratio}


def _stages(document: Document) -> Iterator[Row]:
    for clip, side, found in _sides(document):
        for stage, seconds in found["stages"].items():
            yield {"clip": clip["name"], "side": side, "stage": stage, "seconds": seconds}


def _recordings(document: Document) -> Iterator[Row]:
    kinds = (("clips", "run", "samples"), ("recorded", "recorded", "samples"), ("files", "recorded", "file"))
    for part, networks, audio in kinds:
        yield from ({**row, "networks": networks, "input": audio} for row in document["scale"].get(part, ()))


def _clustering(document: Document) -> Iterator[Row]:
    for row in document["scale"]["clustering"]:
        counts = {key: row[key] for key in ("embeddings", "chunks", "initial_clusters", "speakers")}
        yield from ({**counts, **found, "stage": stage} for stage, found in row["stages"].items())


def _linkage(document: Document) -> Iterator[Row]:
    for row in document["scale"]["linkage"]:
        ways = (way for way in row if isinstance(row[way], dict))
        yield from ({**row[way], "way": way, "equal": row["equal"]} for way in ways)


BENCH = Tables(
    "python -m bench",
    (
        Table("clips", "a side on a clip", CLIPS, _clips),
        Table("rounds", "a round of a side on a clip", ROUNDS, _rounds),
        Table("stages", "a stage of a side on a clip", STAGES, _stages),
    ),
    frozenset({"clips", "median_ratios"}),
)
SCALE = Tables(
    "python -m bench.scale",
    (
        Table("recordings", "a length of recording", RECORDINGS, _recordings),
        Table("clustering", "a stage of clustering alone", CLUSTERING, _clustering),
        Table("linkage", "a way of centroid linkage", LINKAGE, _linkage),
    ),
    frozenset({"scale"}),
)
BENCH_RNNT = Tables(
    "python -m bench.rnnt",
    (Table("heads", "a seeded head", HEADS, lambda found: found["heads"]),),
    frozenset({"heads", "rounds"}),
)

"""Tables of `parity layers`, `parity runtimes` and `parity verification`: the embedding network."""

from __future__ import annotations

from collections.abc import Iterator

from parity.tables.table import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Document, Row, Table, Tables

FIXTURE = Column("fixture", TEXT, "name")
RUNTIME = Column("runtime", TEXT, "name")

LAYER = (
    FIXTURE,
    Column("layer", TEXT, "in the order of computation"),
    Column("worst_chunk", INTEGER, "the chunk that the numbers are of", "chunk"),
    Column("max_abs", NUMBER, "largest difference; infinite: another shape, or not finite"),
    Column("max_abs_relative", NUMBER, "to the largest absolute value of the reference's layer", "relative"),
    Column("limit", NUMBER, "of the number that `limit_of` names"),
    Column("limit_of", TEXT, "`relative` (`max_abs_relative`), or `max_abs` of the embeddings"),
    Column("within", BOOLEAN, "whether it is kept on every chunk"),
    Column("compared_values", INTEGER, "on that chunk", "compared"),
    Column("shape", TEXT, "of one chunk's"),
    Column("sampled", BOOLEAN, "whether the reference was at hand at a sample of positions only"),
)

RUNTIMES_COLUMNS = (
    RUNTIME,
    Column("runs_on", TEXT, "package and its version"),
    Column("size_bytes", INTEGER, "of the weights", "bytes"),
    Column("seconds_per_chunk", NUMBER, "of the network, median over rounds", "speed.seconds"),
    Column("ratio", NUMBER, "to the first runtime's seconds of the same round, median", "speed.ratio"),
    Column("ratio_low", NUMBER, "smallest of the rounds", "speed.low"),
    Column("ratio_high", NUMBER, "largest of the rounds", "speed.high"),
)

OUTCOMES = (
    RUNTIME,
    FIXTURE,
    Column("chunks", INTEGER, "that were embedded"),
    Column("total_chunks", INTEGER, "that the clip has", "total"),
    Column("embedding_max_abs", NUMBER, "worst drift of active speakers' embeddings", "drift"),
    Column("headroom_drifts", NUMBER, "least of a decision that reads embeddings, in units of its drift", "headroom"),
    Column("decision", TEXT, "that one"),
    Column("der", NUMBER, "against the reference's RTTM, a ratio; missing where only some chunks were embedded"),
    Column("der_exclusive", NUMBER, "the same of the exclusive outputs, a ratio", "exclusive_der"),
    Column("rttm_equal", BOOLEAN, "both RTTMs line for line"),
)

VERIFIED = (
    Column("runtime", TEXT, "name", "runtime.name"),
    Column("version", TEXT, "of its package", "runtime.version"),
    Column("equal_error_rate", NUMBER, "a ratio"),
    Column("same_pairs", INTEGER, "of windows of one speaker", "same.pairs"),
    Column("same_mean_cosine", NUMBER, "their mean cosine similarity", "same.mean"),
    Column("different_pairs", INTEGER, "of windows of two speakers", "different.pairs"),
    Column("different_mean_cosine", NUMBER, "their mean cosine similarity", "different.mean"),
)

WINDOWS = (
    Column("source", TEXT, "excerpt"),
    Column("speaker", TEXT, "whose voice it is"),
    Column("start_seconds", NUMBER, "of the excerpt", "start"),
)


def _layers(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        yield from ({**row, "fixture": entry["name"], "sampled": entry["sampled"]} for row in entry["layers"])


def _runtimes(document: Document) -> Iterator[Row]:
    return ({**entry, "runtime": entry["name"]} for entry in document["runtimes"])


def _outcomes(document: Document) -> Iterator[Row]:
    return ({**row, "runtime": entry["name"]} for entry in document["runtimes"] for row in entry["fixtures"])


LAYERS = Tables(
    "parity layers",
    (Table("layers", "a layer of a fixture, on the chunk where it is worst", LAYER, _layers),),
    frozenset({"fixtures", "runtime", "weights"}),
)
RUNTIMES = Tables(
    "parity runtimes",
    (
        Table("runtimes", "a runtime", RUNTIMES_COLUMNS, _runtimes),
        Table("fixtures", "a runtime on a fixture", OUTCOMES, _outcomes),
    ),
    frozenset({"runtimes", "wanted_chunks"}),
)
VERIFICATION = Tables(
    "parity verification",
    (
        Table("runtimes", "a runtime", VERIFIED, lambda found: found["runtimes"]),
        Table("windows", "a window of one voice", WINDOWS, lambda found: found["windows"]),
    ),
    frozenset({"runtimes", "windows", "equal"}),
)

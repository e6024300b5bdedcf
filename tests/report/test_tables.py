"""Every table against the document it is read from: every row, every number, every key of the schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pytest
from support import ROOT
from support.table_examples import DOCUMENTS, document

from parity.report.frames import tables_of
from parity.report.tables import KINDS, RUN
from parity.tables import BOOLEAN, INTEGER, NUMBER, TEXT, Table

EVERY = [(command, table) for command, (tables, _) in DOCUMENTS.items() for table in tables.tables]
PLACES = {
    ("run", "fixtures"): "fixtures/*",
    ("run", "stages"): "fixtures/*/explanation/stages/*",
    ("run", "patches"): "fixtures/*/explanation/patches/*",
    ("run", "network_layers"): "fixtures/*/explanation/layers/*",
    ("run", "decisions"): "fixtures/*/margins/*",
    ("run", "near_ties"): "fixtures/*/near_ties/*",
    ("run", "noise"): "fixtures/*/noise/*",
    ("run", "truth"): "fixtures/*/truth/*",
    ("run", "program_stages"): "fixtures/*/program/stages/*",
    ("explain", "stages"): "stages/*",
    ("explain", "patches"): "patches/*",
    ("explain", "network_layers"): "layers/*",
    ("compare", "artefacts"): "recordings/*/artefacts/*",
    ("compare", "scores"): "recordings/*/turns/*",
    ("compare", "decisions"): "recordings/*/margins/*",
    ("compare", "unknown_decisions"): "recordings/*/margins_unknown/*",
    ("compare", "stages"): "recordings/*/explanation/stages/*",
    ("compare", "patches"): "recordings/*/explanation/patches/*",
    ("compare", "network_layers"): "recordings/*/explanation/layers/*",
    ("calibrate", "faults"): "faults/*",
    ("calibrate", "confusion"): "confusion/*",
    ("layers", "layers"): "fixtures/*/layers/*",
    ("runtimes", "runtimes"): "runtimes/*",
    ("runtimes", "fixtures"): "runtimes/*/fixtures/*",
    ("verification", "runtimes"): "runtimes/*",
    ("verification", "windows"): "windows/*",
    ("margins", "decisions"): "fixtures/*/margins/*",
    ("fixtures list", "fixtures"): "catalogue/*",
    ("rnnt replay", "fixtures"): "fixtures/*",
    ("rnnt replay", "stages"): "fixtures/*/explanation/stages/*",
    ("rnnt replay", "patches"): "fixtures/*/explanation/patches/*",
    ("bench", "clips"): "clips/*/sides/*",
    ("bench.scale", "clustering"): "scale/clustering/*/stages/*",
    ("bench.rnnt", "heads"): "heads/*",
    ("peers", "clips"): "clips/*/results/*",
    ("peers", "totals"): "totals/*",
    ("peers", "implementations"): "rows/*",
}
"""Tables whose rows are objects of the document, one each: where those stand."""

LEFT_OUT = {
    ("run", "fixtures"): {
        # tables of their own
        "artefacts", "audio_replay", "declaration", "explanation", "isolated_without", "margins", "near_ties",
        "noise", "program", "stability", "stage_seconds", "timeline", "truth",
        "diagnoses",  # trees: mistakes, those that are the same, elements of a picture
        # curves that plots are drawn of
        "elbo", "embedding_map", "energy", "merges",
        # what `artefacts` says of the first row out of tolerance
        "first_drift.index", "first_drift.max_abs", "first_drift.mismatches", "first_drift.note", "first_drift.where",
        # parts of a score that is no gate
        *(f"human.{side}.{part}" for side in ("ours", "reference")
          for part in ("miss", "false_alarm", "confusion", "total")),
        "der_seconds.der",  # the same as der
        "name",  # the fixture
    },
    ("compare", "scores"): {"only_candidate", "only_reference", "segments", "speakers"},
    ("calibrate", "faults"): {"fixtures"},
    ("runtimes", "runtimes"): {"fixtures", "name"},
    ("rnnt replay", "fixtures"): {
        *("by_step", "closest", "diagnoses", "drift", "explanation", "isolated_without", "name"),
    },
    ("bench", "clips"): {"ratios", "stages"},  # tables of their own
    ("bench.rnnt", "heads"): {"ratios", "statistics"},
    ("peers", "clips"): {"row"},  # the implementation
    ("peers", "totals"): {"row"},
    ("peers", "implementations"): {"packages"},
}  # fmt: skip
"""Keys of such an object that the table leaves out, and why; a new key has to be given a column or a reason."""


def frame_of(command: str, name: str) -> pd.DataFrame:
    return DOCUMENTS[command][0].frame(document(command), name)


def at(found: Any, place: str) -> Iterator[Any]:
    """What stands at a place of a document; `*` is every value of a list or table, null has none."""
    head, _, rest = place.partition("/")
    if found is None:
        return
    values = (found.values() if isinstance(found, Mapping) else found) if head == "*" else [found[head]]
    for value in values:
        yield from at(value, rest) if rest else [value]


def leaves(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def left_out(command: str, table: str, key: str) -> bool:
    names = LEFT_OUT.get((command, table), set())
    return any(key == name or key.startswith(f"{name}.") for name in names)


def as_cell(value: Any, dtype: str) -> Any:
    """What a value of JSON is in a cell, worked out anew."""
    if value is None or value == "" or value == []:
        return pd.NA
    if dtype == NUMBER:
        return pd.NA if math.isnan(float(value)) else float(value)
    if dtype == TEXT:
        return "; ".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return value


def same(cell: Any, value: Any) -> bool:
    return cell is pd.NA if value is pd.NA else cell is not pd.NA and cell == value


# each frame has the form it says


@pytest.mark.parametrize("command, table", EVERY, ids=lambda value: getattr(value, "name", value))
def test_columns_stand_in_their_order_with_their_dtypes_even_without_rows(command, table):
    for found in (frame_of(command, table.name), Table(table.name, "", table.columns, lambda _: ()).frame({})):
        assert list(found.columns) == [column.name for column in table.columns]
        assert [str(dtype) for dtype in found.dtypes] == [column.dtype for column in table.columns]


@pytest.mark.parametrize("command, table", EVERY, ids=lambda value: getattr(value, "name", value))
def test_every_table_of_the_examples_has_rows_and_every_row_is_another(command, table):
    found = frame_of(command, table.name)
    assert len(found) and not found.duplicated().any()


def test_kinds_of_documents_are_told_apart():
    assert {tables.name for tables, _ in DOCUMENTS.values()} == {tables.name for tables in KINDS}
    for command, (tables, _) in DOCUMENTS.items():
        if tables.keys:
            assert tables_of(document(command), tables.names[0])[0] is tables


# each frame holds its document


@pytest.mark.parametrize("command, name", PLACES, ids=str)
def test_every_object_is_a_row_with_every_one_of_its_values(command, name):
    table, rows = DOCUMENTS[command][0][name], list(at(document(command), PLACES[command, name]))
    frame = frame_of(command, name)
    found = [dict(zip(frame.columns, cells, strict=True)) for cells in frame.itertuples(index=False, name=None)]
    assert len(found) == len(rows) > 0
    columns = {".".join(column.path): column for column in table.columns}
    for cells, row in zip(found, rows, strict=True):
        for key, value in leaves(row):
            if left_out(command, name, key) or (value is None and any(path.startswith(f"{key}.") for path in columns)):
                continue
            assert key in columns, f"{key} has no column"
            assert same(cells[columns[key].name], as_cell(value, columns[key].dtype)), (key, value)


@pytest.mark.parametrize("command", ["run", "compare", "layers", "runtimes", "margins", "rnnt replay"])
def test_rows_say_whose_they_are(command):
    for table in DOCUMENTS[command][0].tables:
        place = PLACES.get((command, table.name))
        if place is None or place.count("*") < 2:
            continue
        top, rest = place.split("/*/", 1)
        expected = [entry["name"] for entry in document(command)[top] for _ in at(entry, rest)]
        assert frame_of(command, table.name)[table.columns[0].name].tolist() == expected


def test_artefacts_of_both_replays_of_a_recording_are_there():
    expected = []
    for fixture in document("run")["fixtures"]:
        source = "tensors" if fixture["audio_replay"] else "audio"
        expected += [(fixture["name"], source, row["artefact"], row["mode"], row["max_abs"], row["within"])
                     for row in fixture["artefacts"]]  # fmt: skip
        if fixture["audio_replay"]:
            expected += [(fixture["name"], "audio", row["artefact"], row["mode"], row["max_abs"], row["within"])
                         for row in fixture["audio_replay"]["artefacts"]]  # fmt: skip
    found = frame_of("run", "artefacts")[["fixture", "replayed_from", "artefact", "mode", "max_abs", "within"]]
    assert list(found.itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize("command, place", [
    ("run", "fixtures/*/explanation"), ("explain", ""), ("compare", "recordings/*/explanation"),
])  # fmt: skip
def test_elements_of_both_sets_are_there(command, place):
    explained = [found for found in at(document(command), place) if found] if place else [document(command)]
    expected = [
        (kind, found["elements"]["artefact"], element["where"], element["drift"])
        for found in explained
        for kind in ("chosen", "sufficient")
        for element in found["elements"][kind]
    ]
    found = frame_of(command, "elements")[["set", "artefact", "where", "max_abs"]]
    assert list(found.itertuples(index=False, name=None)) == expected


def test_stages_say_where_drift_is_born_and_what_decides():
    found = frame_of("run", "stages").set_index("stage")
    assert found["named"].to_dict() == {"fbank": True, "embeddings": False}
    assert found["decides"].to_dict() == {"fbank": False, "embeddings": True}


@pytest.mark.parametrize("command", ["run", "stability"])
def test_each_size_of_noise_is_a_row(command):
    expected = [
        (entry["name"], artefact, size, row["draws"], as_cell(share, NUMBER), as_cell(row["first_change"], NUMBER))
        for entry in document(command)["fixtures"]
        for artefact, row in (entry["stability"] or {}).items()
        for size, share in zip(row["sizes"], row["changed"], strict=True)
    ]
    columns = ["fixture", "artefact", "noise_max_abs", "draws", "changed_share", "first_change_max_abs"]
    assert list(frame_of(command, "stability")[columns].itertuples(index=False, name=None)) == expected


def test_rounding_seconds_and_turns_are_there():
    assert frame_of("stability", "rounding").to_dict("list") == {
        "fixture": ["a", "a"], "artefact": ["q_final", "post_plda"], "max_abs": [1e-15, 2e-12]
    }  # fmt: skip
    fixtures = document("run")["fixtures"]
    assert list(frame_of("run", "stage_seconds").itertuples(index=False, name=None)) == [
        (f["name"], stage, seconds) for f in fixtures for stage, seconds in (f["stage_seconds"] or {}).items()
    ]
    assert list(frame_of("run", "turns").itertuples(index=False, name=None)) == [
        (f["name"], side, *turn)
        for f in fixtures
        if f["timeline"]
        for side, key in (("reference", "reference"), ("ours", "hypothesis"))
        for turn in f["timeline"][key]
    ]


def test_recordings_that_could_not_be_compared_are_rows_too():
    found = frame_of("compare", "recordings")
    assert found["recording"].tolist() == ["port", "a"]
    assert found["verdict"].tolist() == ["drift", "error"]
    assert found["error"][1] == "a/phi.npy: truncated"
    assert (found["judged_chunks"][0], found["total_chunks"][0]) == (3, 21)


def test_turns_that_only_one_side_has_are_there_with_their_side():
    expected = [
        ("port", output, side, *turn)
        for entry in document("compare")["recordings"]
        for output, found in entry["turns"].items()
        for side in ("reference", "candidate")
        for turn in found[f"only_{side}"]
    ]
    assert list(frame_of("compare", "turns").itertuples(index=False, name=None)) == expected
    score = frame_of("compare", "scores").set_index("output").loc["diarization"]
    counts = document("compare")["recordings"][0]["turns"]["diarization"]
    assert [score["reference_speakers"], score["speakers"]] == counts["speakers"]
    assert [score["reference_segments"], score["segments"]] == counts["segments"]


def test_trials_hold_the_control_as_the_fault_that_is_missing():
    found, calibrated = frame_of("calibrate", "trials"), document("calibrate")
    assert found["fault"].tolist() == ["swapped", "swapped", pd.NA]
    rows = [*calibrated["faults"][0]["fixtures"], *calibrated["clean"]]
    for key in ("fixture", "detected", "answer_changed"):
        assert found[key].tolist() == [row[key] for row in rows]
    assert found["moved"].tolist() == ["hard_clusters; diarization", pd.NA, pd.NA]


def test_drift_of_tokens_by_artefact_and_step_is_there():
    (fixture,) = document("rnnt replay")["fixtures"]
    drifts = [(fixture["name"], name, mode, math.inf if size == "shape" else size)
              for name, modes in fixture["drift"].items() for mode, size in modes.items()]  # fmt: skip
    assert list(frame_of("rnnt replay", "drifts").itertuples(index=False, name=None)) == drifts
    steps = [(fixture["name"], name, step, size) for name, found in fixture["by_step"].items()
             for step, size in zip(found["step"], found["max_abs"], strict=True)]  # fmt: skip
    assert list(frame_of("rnnt replay", "drifts_by_step").itertuples(index=False, name=None)) == steps


def test_every_side_round_stage_and_length_of_the_benchmarks_is_there():
    found = document("bench")
    rounds = [(clip["name"], side, number, ratio) for clip in found["clips"] for side, row in clip["sides"].items()
              for number, ratio in enumerate(row["ratios"], 1)]  # fmt: skip
    assert list(frame_of("bench", "rounds").itertuples(index=False, name=None)) == rounds
    stages = [(clip["name"], side, *item) for clip in found["clips"] for side, row in clip["sides"].items()
              for item in row["stages"].items()]  # fmt: skip
    assert list(frame_of("bench", "stages").itertuples(index=False, name=None)) == stages
    clips = frame_of("bench", "clips")
    assert clips["side"].value_counts().to_dict() == {"pyannote": 14, "onnx": 14, "ncnn": 14, "plain": 14}
    assert clips.groupby("clip")["audio_seconds"].first().to_dict() == {
        clip["name"]: clip["audio_seconds"] for clip in found["clips"]
    }
    lengths = frame_of("bench.scale", "recordings")
    assert lengths["audio_seconds"].tolist() == [
        row["audio_seconds"] for part in ("clips", "recorded", "files") for row in found["scale"].get(part, ())
    ]
    assert lengths["after_cpu_seconds"].tolist() == [
        row["cpu_seconds"]["clustering and after"]
        for part in ("clips", "recorded", "files")
        for row in found["scale"].get(part, ())
    ]
    linkage = [(row["embeddings"], way, row[way]["seconds"], row[way]["cpu_seconds"], row[way]["more_mb"], row["equal"])
               for row in found["scale"]["linkage"] for way in ("scipy", "little_memory")]  # fmt: skip
    assert list(frame_of("bench.scale", "linkage").itertuples(index=False, name=None)) == linkage


def test_a_peer_that_did_not_run_is_a_row_with_its_reason():
    found = frame_of("peers", "clips").set_index("implementation")
    assert found.loc["moonshine", "reason"] == "no wheel for this platform" and found["der"].isna()["moonshine"]
    assert found["reference_speakers"].tolist() == [2, 2] and found["clip"].tolist() == ["a", "a"]


# each frame holds its schema


def properties(file: str, name: str) -> dict[str, Any]:
    schema = json.loads((ROOT / "parity" / "report" / file).read_text(encoding="utf-8"))
    return schema["$defs"][name]["properties"]


@pytest.mark.parametrize("command, name, file, definition", [
    ("run", "fixtures", "schema.json", "fixture"),
    ("run", "artefacts", "schema.json", "comparison"),
    ("run", "stages", "schema.json", "verdict"),
    ("run", "patches", "schema.json", "patch"),
    ("run", "elements", "schema.json", "element"),
    ("run", "decisions", "schema.json", "margin"),
    ("run", "noise", "schema.json", "noise"),
    ("compare", "artefacts", "comparison_schema.json", "artefact"),
    ("compare", "scores", "comparison_schema.json", "turns"),
    ("compare", "unknown_decisions", "comparison_schema.json", "unknown"),
])  # fmt: skip
def test_every_key_of_the_schema_has_a_column_or_is_left_out_by_name(command, name, file, definition):
    paths = {".".join(column.path) for column in DOCUMENTS[command][0][name].columns}
    held = {key for key in properties(file, definition) if any(f"{path}.".startswith(f"{key}.") for path in paths)}
    missing = properties(file, definition).keys() - held
    assert {key for key in missing if not left_out(command, name, key)} == set()


@pytest.mark.parametrize("dtype, kinds", [(INTEGER, {"integer"}), (BOOLEAN, {"boolean"}), (NUMBER, {"number"})])
def test_dtypes_are_those_of_the_schema(dtype, kinds):
    for name, definition in (("artefacts", "comparison"), ("decisions", "margin"), ("patches", "patch")):
        for column in RUN[name].columns:
            said = properties("schema.json", definition).get(column.key or column.name, {})
            if column.dtype == dtype and said:
                types = json.dumps(said)
                assert any(kind in types or "#/$defs/number" in types for kind in kinds), column

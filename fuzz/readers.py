"""Every reader of the lab: what it is given, how it is asked, and which functions that covers.

The table is `READERS`; a public function of `parity` that reads and stands neither here nor in `NOT_FUZZED`, with a
reason, fails a test. Good inputs are made in `fuzz.materials`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz import materials
from parity.errors import InputError

Files = dict[str, bytes]


@dataclass(frozen=True)
class Reader:
    """One way that files come in.

    Attributes
    ----------
    covers : functions of `parity` that are reached
    good : makes good inputs, each a folder's files by name
    read : reads the folder; returns where it takes the input, raises one of `refuses` where not
    refuses : what a refusal is
    spoils : endings of the names of files that are spoilt; empty: any
    pinned : whether every file is pinned by a hash: whatever was changed has to be refused
    loose : whether the numbers that Python's JSON takes, `NaN` and infinity, may be taken
    mend : makes hashes agree again after a file was spoilt, so that what follows is reached
    share : how many inputs of it there are, beside the others'
    """

    covers: tuple[str, ...]
    good: Callable[[], list[Files]]
    read: Callable[[Path], Any]
    refuses: tuple[type[Exception], ...] = (InputError,)
    spoils: tuple[str, ...] = ()
    pinned: bool = False
    loose: bool = False
    mend: Callable[[Files], None] | None = field(default=None, repr=False)
    share: int = 10


def _json(folder: Path) -> Any:
    from parity.files.documents import read_document

    return read_document(folder / "x.json")


def _toml(folder: Path) -> Any:
    from parity.files.documents import parse_toml, read_text

    return parse_toml(read_text(folder / "x.toml"))


def _config(folder: Path) -> Any:
    from parity.sources.weights.layout import read_config

    return read_config(folder / "config.yaml")


def _plda(folder: Path) -> Any:
    from parity.sources.weights.layout import read_plda

    return read_plda(folder)


def _arrays(folder: Path) -> Any:
    from parity.files.arrays import read_file

    (path,) = folder.iterdir()
    return _without_problems(read_file(path))


def _rttm(folder: Path) -> Any:
    from parity.community1.annotation import from_rttm
    from parity.measure.score import count, score

    path = folder / "x.rttm"
    found = score(path, path), score(materials.TURNS, path)  # the same on both sides; and by pyannote.metrics
    text = path.read_text(encoding="utf-8-sig")
    from_rttm(text)
    return found, count(text)


def _snapshot(folder: Path) -> Any:
    from parity.fixtures.snapshot import read_snapshot
    from parity.margins.margin import margins

    snapshot = read_snapshot(folder)
    return snapshot, margins(snapshot)


def _dump(folder: Path) -> Any:
    from parity.ports.dump.checks import check_dump
    from parity.ports.dump.reading import read_dump

    dump = read_dump(folder)
    problems, _ = check_dump(dump)
    if problems:
        raise InputError(problems[0])
    return dump


def _given(folder: Path) -> Any:
    from parity.ports.arrays import read_arrays

    return read_arrays(folder)


def _noise(folder: Path) -> Any:
    from parity.fixtures.noise import read_noise

    return read_noise(folder)


def _truth(folder: Path) -> Any:
    from parity.fixtures.truth import read_truth

    return read_truth(folder)


def _stability(folder: Path) -> Any:
    from parity.fixtures.stability import read_stability

    return read_stability(folder)


def _layers(folder: Path) -> Any:
    from parity.layers.file import read_layers

    return read_layers(folder / "layers.npz")


def _samples(folder: Path) -> Any:
    from parity.fixtures.snapshot import Snapshot
    from parity.layers.samples import read_samples

    return read_samples(Snapshot(folder, {}, {}, {}, {}))


def _decisions(folder: Path) -> Any:
    from parity.fixtures.decisions import read_kind

    return read_kind(folder)


def _catalogue(folder: Path) -> Any:
    from parity.fixtures.catalogue import Catalogue

    return Catalogue.read(folder)


def _case(folder: Path) -> Any:
    from parity.explain.case import read_case

    return read_case(folder / "case.json")


def _fingerprint(folder: Path) -> Any:
    from parity.ports.fingerprint.reading import read_fingerprints

    return read_fingerprints(folder / "x.json")


def _map(folder: Path) -> Any:
    from parity.maps.table import read_map

    return read_map(folder / "x.toml")


def _mapped(folder: Path) -> Any:
    from parity.maps.place import through
    from parity.maps.reading import read_mapped
    from parity.maps.table import parse_map

    found = read_mapped(through(folder, parse_map(materials.MAP, "map"), chosen=True))
    if found.problems:
        raise InputError(found.problems[0])
    return found


def _proposal(folder: Path) -> Any:
    from parity.ports.proposal.inventory import take_inventory

    found = take_inventory(folder)
    if found.unread:
        raise InputError(found.unread[0])
    return found


def _deviations(folder: Path) -> Any:
    from parity.ports.dump.deviations import read_deviations

    return read_deviations(folder / "deviations.toml")


def _description(folder: Path) -> Any:
    from parity.ports.program.contract import read_description

    return read_description("port", (folder / "x.json").read_bytes())


def _outputs(folder: Path) -> Any:
    from parity.community1 import Parameters, community1_pipeline
    from parity.community1.networks import without_networks
    from parity.ports.program.exchange import read_outputs

    stage = next(s for s in community1_pipeline(without_networks(), Parameters()) if s.name == "ahc")
    return read_outputs(folder, stage, {}, ("npy", "safetensors"))


def _report(folder: Path) -> Any:
    from parity.report.frames import tables_of

    return tables_of(folder / "x.json")


def _accepted(folder: Path) -> Any:
    from parity.history.accepted import read_accepted

    return read_accepted(folder / "parity.toml")


def _baseline(folder: Path) -> Any:
    from parity.history.cases import judged_in, read_report

    found = judged_in(read_report(folder / "x.json", "--baseline"))
    return [(case.size, case.named) for judged in found for case in judged.drifting]


def _progress(folder: Path) -> Any:
    from parity.files.progress import Progress

    progress = Progress(folder / "x.json", "run", {"a": 1}, resume=True)
    return progress.take("part", {"b": 2}), progress.lines()


def _headroom(folder: Path) -> Any:
    from parity.report.reading import read_report
    from parity.report.terminal import headroom_table

    document = read_report(folder / "x.json")
    return headroom_table(document, {})


def _costs(folder: Path) -> Any:
    from parity.report.runtimes import costs_data, costs_markdown, read_costs

    return costs_markdown(costs_data(read_costs(folder / "x.json")))


def _trials(folder: Path) -> Any:
    from parity.report.calibration import read_trials

    return read_trials(folder / "x.json", "w")


def _dump_trials(folder: Path) -> Any:
    from parity.report.calibration_dumps import read_document

    return read_document(folder / "x.json", "w")


def _named_trials(folder: Path) -> Any:
    from parity.report.calibration_naming import naming_document, read_document

    return naming_document(read_document(folder / "x.json", "w"), weights="w", seconds=0.0)


def _checkpoint(folder: Path) -> Any:
    from parity.networks.checkpoint import check_finite, read_checkpoint

    path = folder / "pytorch_model.bin"
    found = read_checkpoint(path).state_dict
    check_finite(found, path)
    return found


def _embedding(folder: Path) -> Any:
    from parity.networks.wespeaker.checkpoints import read_embedding

    (path,) = folder.iterdir()
    return read_embedding(path)


def _model(folder: Path) -> Any:
    from parity.rnnt.model import read_model

    return read_model(folder / "model.bin")


def _ort(folder: Path) -> Any:
    from parity.networks.ort_format import read_initialisers

    return read_initialisers((folder / "x.ort").read_bytes(), "x.ort")


def _audio(folder: Path) -> Any:
    from parity.audio.long import open_samples
    from parity.audio.reading import read_audio

    (path,) = folder.iterdir()
    samples, rate = read_audio(path)
    return samples, rate, list(open_samples(path).blocks())


def _clip(folder: Path) -> Any:
    from parity.audio.reading import load_clip

    (path,) = folder.iterdir()
    return load_clip(path)


def _kept(folder: Path) -> Any:
    from parity.networks.kept import whole

    if not whole(folder):
        raise InputError("made again")
    return True


def _choice(folder: Path) -> Any:
    from parity.networks.wespeaker.choice import remembered

    if (found := remembered(folder / "x.json", ["onnx", "ncnn"])) is None:
        raise InputError("measured again")
    return found


def _index(folder: Path) -> Any:
    from parity.sources.index import links_of

    (path,) = folder.iterdir()
    return list(links_of(path.read_bytes(), json_form=path.suffix == ".json"))


def _manifest(folder: Path) -> Any:
    from parity.corpus.manifest import read_manifest

    (path,) = folder.glob("corpus.*")
    return read_manifest(path)


def _lhotse(folder: Path) -> Any:
    from parity.corpus.lhotse import read_lhotse

    return read_lhotse(*sorted(folder.glob("*.jsonl*")))


def _hypothesis(folder: Path) -> Any:
    from parity.corpus.hypothesis import read_hypothesis

    return read_hypothesis(folder, "x")


def _uem(folder: Path) -> Any:
    from parity.corpus.scoring import read_uem

    return read_uem(folder / "x.uem", "x")


def _without_problems(contents: Any) -> Any:
    if contents.problems:
        raise InputError(contents.problems[0])
    return contents


FILES, FIXTURES, PORTS = "parity.files", "parity.fixtures", "parity.ports"
READERS: Mapping[str, Reader] = {
    "json": Reader(
        (f"{FILES}.documents.parse_json", f"{FILES}.documents.read_json", f"{FILES}.documents.read_document"),
        materials.json_documents,
        _json,
        share=80,
    ),
    "toml": Reader(
        (f"{FILES}.documents.parse_toml", f"{FILES}.documents.read_text", f"{FILES}.documents.read_bytes"),
        materials.toml_documents,
        _toml,
        refuses=(ValueError, OSError),
        share=20,
    ),
    "config": Reader(
        ("parity.sources.weights.layout.read_config", f"{FILES}.documents.parse_yaml"),
        materials.config,
        _config,
        share=40,
    ),
    "plda": Reader(("parity.sources.weights.layout.read_plda",), materials.plda, _plda, share=4),
    "arrays": Reader((f"{FILES}.arrays.read_file", f"{FILES}.npy.read_npy"), materials.array_files, _arrays, share=120),
    "rttm": Reader(
        (
            *("parity.measure.score.read_turns", "parity.community1.rttm.parse_rttm", "parity.measure.score.score"),
            *("parity.community1.annotation.from_rttm",),
        ),
        materials.rttm,
        _rttm,
        share=60,
    ),
    "snapshot": Reader(
        (f"{FIXTURES}.snapshot.read_snapshot",), materials.snapshots, _snapshot, mend=materials.pin_manifest, share=30
    ),
    "pinned snapshot": Reader((), materials.snapshots, _snapshot, spoils=("npz", "npy", "rttm"), pinned=True, share=10),
    "kit": Reader((f"{FIXTURES}.kits.read_kit",), materials.kits, _snapshot, mend=materials.pin_kit, share=10),
    "dump": Reader((f"{PORTS}.dump.reading.read_dump",), materials.dumps, _dump, share=30),
    "given arrays": Reader((f"{PORTS}.arrays.read_arrays",), materials.dumps, _given, share=10),
    "noise": Reader((f"{FIXTURES}.noise.read_noise",), materials.noise, _noise, spoils=("noise.json",), share=15),
    "truth": Reader(
        (f"{FIXTURES}.truth.read_truth",), materials.truth, _truth, spoils=("truth.json", "truth.npz"), share=10
    ),
    "stability": Reader(
        (f"{FIXTURES}.stability.read_stability", f"{FIXTURES}.beside.read_beside"),
        materials.stability,
        _stability,
        spoils=("stability.json",),
        share=20,
    ),
    "layers": Reader(
        ("parity.layers.file.read_layers", "parity.layers.file.read_manifest_and_arrays"),
        materials.layers,
        _layers,
        share=10,
    ),
    "samples": Reader(("parity.layers.samples.read_samples",), materials.samples, _samples, spoils=("npz",), share=10),
    "decisions": Reader(
        (f"{FIXTURES}.decisions.read_kind", f"{FIXTURES}.decisions.read_decisions"),
        materials.decisions,
        _decisions,
        mend=materials.pin_manifest,
        share=30,
    ),
    "pinned decisions": Reader((), materials.decisions, _decisions, spoils=("npz", "turns.json"), pinned=True),
    "catalogue": Reader((f"{FIXTURES}.catalogue.Catalogue.read",), materials.catalogue, _catalogue, share=20),
    "case": Reader(("parity.explain.case.read_case",), materials.case, _case, share=30),
    "fingerprint": Reader(
        (f"{PORTS}.fingerprint.reading.read_fingerprints",), materials.fingerprints, _fingerprint, share=30
    ),
    "map": Reader(("parity.maps.table.read_map", "parity.maps.table.parse_map"), materials.maps, _map, share=30),
    "mapped folder": Reader(
        (
            *("parity.maps.reading.read_mapped", "parity.maps.arrays.read_array", "parity.maps.turns.read_turns"),
            *("parity.maps.lists.read_json", "parity.maps.lists.read_text", "parity.maps.lists.read_rows"),
            *("parity.maps.lists.read_columns",),
        ),
        materials.mapped,
        _mapped,
        spoils=("emb.npy", "count.json", "q.f64", "csv", "turns.json"),
        loose=True,
        share=40,
    ),
    "proposal": Reader(
        (f"{PORTS}.proposal.inventory.take_inventory",), materials.goldens, _proposal, loose=True, share=10
    ),
    "deviations": Reader((f"{PORTS}.dump.deviations.read_deviations",), materials.deviations, _deviations, share=20),
    "description": Reader(
        (f"{PORTS}.program.contract.read_description",), materials.description, _description, share=30
    ),
    "outputs": Reader((f"{PORTS}.program.exchange.read_outputs",), materials.outputs, _outputs, share=20),
    "report": Reader(("parity.report.frames.tables_of",), materials.reports, _report, share=10),
    "accepted drift": Reader(
        ("parity.history.accepted.read_accepted",), materials.accepted, _accepted, spoils=("parity.toml",), share=20
    ),
    "baseline": Reader(("parity.history.cases.read_report",), materials.baselines, _baseline, share=20),
    "progress": Reader((f"{FILES}.progress.Progress",), materials.progress, _progress, share=15),
    "headroom": Reader(("parity.report.reading.read_report",), materials.reports, _headroom, share=20),
    "runtimes": Reader(("parity.report.runtimes.read_costs",), materials.costs, _costs, share=20),
    "calibration": Reader(
        ("parity.report.calibration.read_trials", "parity.report.reading.read_calibration"),
        materials.trials,
        _trials,
        share=20,
    ),
    "calibration on dumps": Reader(
        ("parity.report.calibration_dumps.read_document",), materials.dump_trials, _dump_trials, share=20
    ),
    "calibration of names": Reader(
        ("parity.report.calibration_naming.read_document",), materials.named_trials, _named_trials, share=15
    ),
    "checkpoint": Reader(
        ("parity.networks.checkpoint.read_checkpoint",), materials.checkpoints, _checkpoint, share=120
    ),
    "embedding": Reader(
        ("parity.networks.wespeaker.checkpoints.read_embedding",), materials.embeddings, _embedding, share=40
    ),
    "rnnt model": Reader(("parity.rnnt.model.read_model",), materials.rnnt_models, _model, share=20),
    "ort": Reader(("parity.networks.ort_format.read_initialisers",), materials.ort, _ort, share=20),
    "audio": Reader(
        ("parity.audio.reading.read_audio", "parity.audio.long.open_samples"), materials.audio, _audio, share=60
    ),
    "clip": Reader(("parity.audio.reading.load_clip",), materials.clips, _clip, share=30),
    "kept graphs": Reader(("parity.networks.kept.whole",), materials.kept, _kept, share=10),
    "choice of a runtime": Reader(
        ("parity.networks.wespeaker.choice.remembered",), materials.choice, _choice, share=10
    ),
    "corpus": Reader(
        ("parity.corpus.manifest.read_manifest",),
        materials.manifests,
        _manifest,
        spoils=("corpus.csv", "corpus.jsonl"),
        share=20,
    ),
    "answer": Reader(("parity.corpus.hypothesis.read_hypothesis",), materials.hypotheses, _hypothesis, share=15),
    "lhotse": Reader(
        ("parity.corpus.lhotse.read_lhotse",), materials.lhotse, _lhotse, spoils=(".jsonl", ".jsonl.gz"), share=10
    ),
    "uem": Reader(("parity.corpus.scoring.read_uem",), materials.uem, _uem, share=10),
    "index": Reader(
        ("parity.sources.index.links_of",), materials.index_pages, _index, refuses=(InputError, ValueError), share=10
    ),
}

NOT_FUZZED: Mapping[str, str] = {
    "parity.corpus.sides.parse_sides": "words of an option",
    "parity.corpus.rows.read_rows": "reads Parquet of a store that the user's own run wrote, by pyarrow",
    "parity.corpus.rows.read_records": "the same",
    "parity.files.sizes.parse_bytes": "one word of the environment or of an option",
    "parity.sources.weights.elf.read_symbols": "reads a library that was checked against its hash before",
    "parity.sources.weights.layout.read_layout": "puts together `config`, `plda` and two of `checkpoint`",
    "parity.sources.weights.load_weights": "calls read_layout",
    "parity.fixtures.prepare.load_inputs": "calls load_clip",
    "parity.fixtures.prepare.load_networks": "reads nothing: arrays to networks",
    "parity.networks.wespeaker.runtime.load_embedding": "reads nothing: arrays to a network",
    "parity.networks.wespeaker.ncnn_runtime.load_trunk": "arrays to a network; what is kept of it is hashed",
    "parity.networks.wespeaker.mlx_runtime.load_resnet34_embedding": "calls read_embedding",
    "parity.fixtures.material.read_rttm": "reads annotations of pinned sources, checked against their hash before",
    "parity.layers.proof.load_network": "imports a module that the user names, which is code",
    "parity.faults.fault.load_faults": "imports a module that the user names, which is code",
    "parity.ports.python.load_implementation": "imports a module that the user names, which is code",
    "parity.ports.python.load_object": "imports a module that the user names, which is code",
    "parity.ports.program.implementation.load_program": "starts a program that the user names, which is code",
    "parity.ports.program.failures.read_log": "the end of a text, shown as it is",
    "parity.commands.options.read_through": "calls read_map",
}
"""Functions whose names say that they read, and why no bad input is given to them by itself."""

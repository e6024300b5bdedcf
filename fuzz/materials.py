"""Good inputs, small ones, that are spoilt: files of the catalogue, cut down, and files made here."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from parity.checkout import default_folder
from parity.files.documents import parse_json

Files = dict[str, bytes]
LARGEST = 60_000  # bytes of a file of a snapshot that is kept: every input writes them all
SNAPSHOTS = ("13_no_speech", "14_partial_tail")
MAP = """schema = 1
reference = "4.0.4"
[artefacts.embeddings]
file = "emb.npy"
[artefacts.count]
file = "count.json"
key = "a.count"
dtype = "uint8"
optional = true
[artefacts.q_final]
file = "q.f64"
stored = "float64"
reshape = [2, 2]
optional = true
[artefacts.sp_final]
file = "sp.csv"
key = "sp"
optional = true
[artefacts.diarization]
file = "turns.json"
key = "turns"
optional = true
[artefacts.exclusive_diarization]
file = "turns.csv"
optional = true
"""
TURNS = "".join(f"SPEAKER clip 1 {n}.000 0.9{n}0 <NA> <NA> SPEAKER_0{n % 2} <NA> <NA>\n" for n in range(6))
CONFIG = """version: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    embedding_exclude_overlap: true
params:
  clustering:
    threshold: 0.6
    Fa: 0.07
    Fb: 0.8
  segmentation:
    min_duration_off: 0.0
"""


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    keyed: dict[str, Any] = {name.replace("__", "/"): value for name, value in arrays.items()}
    np.savez_compressed(buffer, **keyed)
    return buffer.getvalue()


def _written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        write(path)
        return path.read_bytes()


# documents


def json_documents() -> list[Files]:
    """Objects in lists in objects."""
    return [
        {"x.json": _json({"a": [1, 2.5, {"b": None, "c": "text"}], "d": {"e": True, "f": []}})},
        {"x.json": b"[1, [2, [3]]]"},
    ]


def toml_documents() -> list[Files]:
    """A map, and what a port declares."""
    return [{"x.toml": MAP.encode()}, {"x.toml": b'fa = 0.3\n[a]\nb = ["c", 1979-05-27]\n'}]


def config() -> list[Files]:
    """The pipeline's configuration."""
    return [{"config.yaml": CONFIG.encode()}]


def plda() -> list[Files]:
    """The PLDA's arrays, zeros."""
    from parity.sources.weights.layout import PLDA_FILES, PLDA_SHAPES

    return [
        {file: _npz(**{key: np.zeros(PLDA_SHAPES[key], "f4") for key in keys}) for file, keys in PLDA_FILES.items()}
    ]


def catalogue() -> list[Files]:
    """Three fixtures: a recipe, a user's own, one with bounds."""
    rows = (default_folder() / "catalogue.toml").read_text(encoding="utf-8").split("[[fixture]]")[1:]
    own = f'\nname = "own"\nrecipe = "file"\nstresses = "x"\nclip_sha256 = "{"0" * 64}"\n'
    own += "min_speakers = 1\nmax_speakers = 3\n"
    picked = [row for row in rows if any(word in row for word in ("silence", "exponent", "sources", "num_speakers"))]
    return [{"catalogue.toml": "".join("[[fixture]]" + row for row in (*picked[:4], own)).encode()}]


def maps() -> list[Files]:
    """Maps of our own, and one made here."""
    known = sorted((Path(default_folder()).parent / "parity" / "maps" / "known").glob("*.toml"))
    return [{"x.toml": MAP.encode()}, *({"x.toml": path.read_bytes()} for path in known[:4])]


def deviations() -> list[Files]:
    """What a port declares."""
    said = b"fa = 0.3\nthreshold = 0.5\nexclude_overlap = false\nmax_iterations = 5\nmax_speakers = 4\n"
    return [{"deviations.toml": said}]


def description() -> list[Files]:
    """What a program says of itself."""
    faults = [{"name": "f", "stage": "ahc", "about": "a mistake"}]
    said = {"protocol": 1, "name": "port", "version": "1", "stages": ["ahc", "vbx"], "formats": ["npy"], "serve": True}
    return [{"x.json": _json({**said, "faults": faults, "declares": {"fa": 0.3}})}]


def rttm() -> list[Files]:
    """Six turns, and none."""
    return [{"x.rttm": TURNS.encode()}, {"x.rttm": b""}]


# corpora


def manifests() -> list[Files]:
    """One recording, as CSV and as JSON Lines."""
    row = {"recording": "x", "audio": "x.wav", "reference_rttm": "x.rttm", "dataset": "d", "num_speakers": 2}
    lines = [",".join(row), ",".join(str(value) for value in row.values())]
    beside = {"x.wav": b"", "x.rttm": TURNS.encode()}
    return [
        {"corpus.csv": ("\n".join(lines) + "\n").encode(), **beside},
        {"corpus.jsonl": _json(row) + b"\n", **beside},
    ]


def hypotheses() -> list[Files]:
    """An answer, and an error, as a store keeps them until they are gathered."""
    from parity.corpus.hypothesis import Hypothesis, write_hypothesis

    found = [
        Hypothesis(recording="x", audio_sha256="0" * 64, rttm=TURNS),
        Hypothesis(recording="x", audio_sha256="0" * 64, error="no such file"),
    ]
    return [{"x.json": _written_in(lambda folder, one=one: write_hypothesis(folder, one))} for one in found]


def lhotse() -> list[Files]:
    """Lhotse's two manifests of one recording, packed and not."""
    source = {"type": "file", "channels": [0], "source": "x.wav"}
    recording = {"id": "x", "sources": [source], "sampling_rate": 16000, "num_samples": 64000, "duration": 4.0}
    turn = {"id": "x-0", "recording_id": "x", "start": 0.5, "duration": 1.25, "channel": 0, "speaker": "ann"}
    lines = {"recordings.jsonl": _json(recording) + b"\n", "supervisions.jsonl": _json(turn) + b"\n"}
    packed = {f"{name}.gz": gzip.compress(text, mtime=0) for name, text in lines.items()}
    return [{**files, "x.wav": b""} for files in (lines, packed)]


def uem() -> list[Files]:
    """Two parts of one recording, one of another."""
    return [{"x.uem": b";; comment\nx 1 0.000 10.500\nx 1 12.0 20\ny 1 0 5\n"}]


def _written_in(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        (path,) = Path(folder).iterdir()
        return path.read_bytes()


# arrays


def array_files() -> list[Files]:
    """One file of every form and of several dtypes."""
    from safetensors.numpy import save

    numbers, whole = np.linspace(-1, 1, 12, dtype="f4").reshape(3, 4), np.arange(5)
    return [
        {"x.npy": _npy(numbers)},
        {"x.npy": _npy(np.asfortranarray(numbers.astype(">f8")))},
        {"x.npy": _npy(np.array(3.5))},
        {"x.npz": _npz(a=numbers, b=whole, c=np.zeros(0))},
        {"x.safetensors": save({"a": numbers, "b": whole})},
    ]


def dumps() -> list[Files]:
    """A dump: a few artefacts of a capture, with and without a manifest."""
    whole = snapshots()[1]
    arrays = {name: data for name, data in whole.items() if name != "manifest.json"}
    return [
        whole,
        arrays,
        {
            "count.npy": _npy(np.ones((50, 1), "u1")),
            "sp_final.npy": _npy([0.5, 0.5]),
            "diarization.rttm": TURNS.encode(),
        },
    ]


@functools.cache
def _snapshots() -> tuple[Files, ...]:
    found = []
    for name in SNAPSHOTS:
        folder = default_folder() / name
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        small = [file for file in manifest["artifacts"] if (folder / file).stat().st_size < LARGEST]
        files = {file: (folder / file).read_bytes() for file in small if file not in ("masks.npz", "audio.npz")}
        manifest["weights"].pop("tensors", None)
        for table in ("artifacts", "arrays"):
            manifest[table] = {file: said for file, said in manifest[table].items() if file in files}
        found.append({**files, "manifest.json": _json(manifest)})
    return tuple(found)


def snapshots() -> list[Files]:
    """Two captures without their large arrays."""
    return [dict(files) for files in _snapshots()]


def pin_manifest(files: Files) -> None:
    """Put the files' hashes into the manifest, where it can be read."""
    _pin(files, "manifest.json", "artifacts")


def pin_kit(files: Files) -> None:
    """The same of `kit.json`."""
    _pin(files, "kit.json", "files")


def _pin(files: Files, name: str, table: str) -> None:
    try:
        document = parse_json(files[name])
        listed = document[table]
        for file in list(listed):
            if file in files:
                listed[file] = _sha(files[file])
    except (ValueError, LookupError, TypeError):
        return  # spoilt itself
    if json.loads(files[name]) != document:
        files[name] = _json(document)


def kits() -> list[Files]:
    """A kit of a capture without its large arrays."""
    from parity.pipeline.artefact import ARTEFACTS

    found = []
    for files in snapshots():
        kit: Files = {}
        companions: dict[str, dict[str, Any]] = {}
        for name, data in files.items():
            if name.endswith(".npz"):
                for key, array in np.load(io.BytesIO(data)).items():
                    artefact = [a for a in ARTEFACTS.values() if (a.file, a.key) == (name, key)]
                    if artefact and artefact[0].by_chunk:
                        continue
                    if artefact:
                        kit[f"{artefact[0].name}.npy"] = _npy(array)
                    elif array.size < 100 and key != "chunks":
                        companions.setdefault(name, {})[key] = array.tolist()
            elif name.endswith(".rttm"):
                kit[name] = data
        manifest = {k: v for k, v in json.loads(files["manifest.json"]).items() if k not in ("artifacts", "arrays")}
        said = {
            "schema": 1,
            "manifest": manifest,
            "companions": companions,
            "files": {n: _sha(d) for n, d in kit.items()},
        }
        found.append({**kit, "kit.json": _json(said)})
    return found


def noise() -> list[Files]:
    """What was measured beside a snapshot."""
    return [_beside("14_partial_tail", "noise.json")]


def stability() -> list[Files]:
    """The same, of the answer."""
    return [_beside("14_partial_tail", "stability.json")]


def truth() -> list[Files]:
    """Where float64 lies, as far as a snapshot has it measured."""
    return [_beside("09_telephone", "truth.json", "truth.npz")]


def _beside(fixture: str, *names: str) -> Files:
    folder = default_folder() / fixture
    return {file: (folder / file).read_bytes() for file in ("manifest.json", *names)}


def samples() -> list[Files]:
    """Layers kept beside a snapshot, of one chunk, inputs included."""
    from parity.layers.reference import PROVEN

    folder = default_folder() / "14_partial_tail"
    with np.load(folder / "layers.npz") as held:
        arrays = {key: held[key] for key in held.files}
    manifest = json.loads(arrays.pop("manifest").item())
    chunk = manifest["chunks"][0]
    manifest["chunks"] = [chunk]
    kept = {"sizes": arrays["sizes"][:1], f"values/{chunk}": arrays[f"values/{chunk}"]}
    assert kept["sizes"].shape[1] == len(PROVEN)
    kept |= {"fbank": np.zeros((1, 998, 80), "f4"), "masks": np.ones((1, 4, 589), "f4")}
    data = _npz(manifest=np.array(json.dumps(manifest)), **kept)
    return [{"manifest.json": (folder / "manifest.json").read_bytes(), "layers.npz": data}]


def layers() -> list[Files]:
    """Whole layers of one chunk, each cut down to two numbers."""
    from parity.fixtures.snapshot import REFERENCE_VERSION
    from parity.layers.file import NETWORKS, SCHEMA

    manifest = {"schema": SCHEMA, "fixture": "x", "clip_sha256": "0" * 64, "weights_sha256": "0" * 64}
    manifest |= {"pyannote_audio_version": REFERENCE_VERSION, "chunks": [0], "networks": ["segmentation"]}
    held = {layer.key: np.zeros((1, 2), "f4") for layer in NETWORKS["segmentation"]}
    return [{"layers.npz": _npz(manifest=np.array(json.dumps(manifest)), **held)}]


def decisions() -> list[Files]:
    """A few kinds of decision cases."""
    folder = default_folder() / "decisions"
    small = sorted(folder.iterdir(), key=lambda path: sum(file.stat().st_size for file in path.iterdir()))[:3]
    return [{file.name: file.read_bytes() for file in kind.iterdir()} for kind in small]


def case() -> list[Files]:
    """A case of two rows."""
    row = {"index": [0, 1], "where": "chunk 0, speaker 1", "reference": [0.5, 1.0], "candidate": [0.25, 2.0]}
    text = {"fixture": "14_partial_tail", "clip_sha256": "0" * 64, "implementation": "m:o", "failure": "x"}
    return [
        {"case.json": _json({"schema": 1, **text, "artefact": "embeddings", "rows": [row, {**row, "index": [1, 0]}]})}
    ]


@functools.cache
def _fingerprint() -> bytes:
    from parity.ports.dump.reading import read_dump
    from parity.ports.fingerprint.record import fingerprint_of, fingerprint_text

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), dumps()[2])
        return fingerprint_text([fingerprint_of(read_dump(folder), "clip", seed=0, most=8)], 0).encode()


def fingerprints() -> list[Files]:
    """Of a dump of three artefacts."""
    return [{"x.json": _fingerprint()}]


def mapped() -> list[Files]:
    """Goldens under somebody's names: JSON, CSV, bare numbers, turns of three forms."""
    turns = [{"start": n, "end": n + 0.9, "speaker": f"s{n % 2}"} for n in range(4)]
    return [
        {
            "emb.npy": _npy(np.zeros((3, 3, 256), "f4")),
            "count.json": _json({"a": {"count": [[1], [2], [0]]}, "b": [1, 2]}),
            "q.f64": np.eye(2).tobytes(),
            "sp.csv": b"sp,x\n0.5,1\n0.5,2\n",
            "turns.json": _json({"turns": turns}),
            "turns.csv": b"start,duration,speaker\n0,1.5,a\n2.25,1,b\n",
            "x.rttm": TURNS.encode(),
        }
    ]


def goldens() -> list[Files]:
    """The same without the column that only a map makes sense of."""
    return [{name: data for name, data in mapped()[0].items() if name != "sp.csv"}]


def outputs() -> list[Files]:
    """What a program wrote for clustering."""
    from safetensors.numpy import save

    arrays = {"dendrogram": np.array([[0.0, 1.0, 0.3, 2.0], [2.0, 3.0, 0.9, 3.0]]), "ahc_clusters": np.array([0, 0, 1])}
    return [{f"{name}.npy": _npy(array) for name, array in arrays.items()}, {"arrays.safetensors": save(arrays)}]


# reports


def reports() -> list[Files]:
    """A run's report, as far as margins are told from it."""
    from parity.report.document import SCHEMA

    margin = {"stage": "ahc", "least_headroom": 12.5, "least_where": "merge 3", "count": 7}
    rows = [
        {"name": "a", "status": "parity", "margins": [margin, {**margin, "least_headroom": None}]},
        {"name": "b", "margins": []},
    ]
    return [{"x.json": _json({"schema": SCHEMA, "fixtures": rows, "status": "parity"})}]


def accepted() -> list[Files]:
    """Drift that a port lives with."""
    said = '[accept.embeddings]\nmax_abs = 2e-3\nmismatches = 4\nreason = "float16"\nuntil = 2027-03-01\n'
    said += 'recordings = ["a"]\n[accept.diarization]\nder = 0.01\nreason = "x"\nuntil = 2027-03-01\n'
    return [{"parity.toml": said.encode()}]


def baselines() -> list[Files]:
    """A report of each command whose verdicts are held against later ones."""
    case = {"stage": "ahc", "artefact": "dendrogram", "mode": "isolated", "within": False, "max_abs": 0.5}
    case |= {"tolerance": 1e-9, "mismatches": 0, "compared": 7, "note": "", "where": "row 3"}
    run: dict[str, Any] = {
        "name": "a",
        "status": "drift",
        "error": None,
        "artefacts": [case, {**case, "max_abs": None}],
    }
    run |= {key: [] for key in ("problems", "doubts", "notes", "lacking", "supplied")}
    run |= {"der": 0.0, "der_exclusive": None, "stage_seconds": {"ahc": 0.5}}
    compared: dict[str, Any] = {"name": "a", "verdict": "drift", "doubts": [], "form": [], "lacking": []}
    compared |= {
        "artefacts": [{**case, "name": "count", "verdict": "different"}],
        "turns": {"diarization": {"der": 0.1}},
    }
    other = {"schema": 2, "recordings": [compared], "errors": {}, "verdict": "drift", "not_compared": []}
    return [{"x.json": _json({"schema": 2, "fixtures": [run]})}, {"x.json": _json(other)}]


def progress() -> list[Files]:
    """What a long command kept."""
    from parity.files.progress import Progress

    with tempfile.TemporaryDirectory() as folder:
        found = Progress(Path(folder) / "x.json", "run", {"a": 1})
        found.keep("part", {"b": 2}, {"rows": [1.5, "x", None]})
        return [{found.path.name: found.path.read_bytes()}]


def costs() -> list[Files]:
    """A report of runtimes."""
    from parity.embedding.runtimes import Costs, Outcome, Speed
    from parity.report.runtimes import costs_data

    outcomes = (Outcome("onnx", "14", 12, 12, 1e-7, 20.0, "ahc", 0.0, 0.0, True), Outcome("onnx", "13", 1, 9, None))
    found = Costs(
        {"onnx": 27}, {"onnx": "onnxruntime 1"}, "w", "cpu", 2, None, outcomes, {"onnx": Speed(0.2, 1.0, 0.9, 1.1)}
    )
    return [{"x.json": _json(costs_data(found))}]


def trials() -> list[Files]:
    """A calibration."""
    trial = {"fixture": "14", "moved": ["count"], "detected": True, "named": ["ahc"], "answer_changed": True}
    trial |= {"restored": None, "decisive": "ahc"}
    return [
        {
            "x.json": _json(
                {"schema": 1, "weights": "w", "clean": [trial], "faults": [{"name": "f", "fixtures": [trial]}]}
            )
        }
    ]


def dump_trials() -> list[Files]:
    """A calibration on dumps."""
    from dataclasses import fields

    from parity.calibration.dumps import DumpTrial
    from parity.calibration.on_dumps import PairTrial
    from parity.report.calibration_dumps import SCHEMA

    values = {
        "bool": True,
        "str": "x",
        "tuple[str, ...]": ["x"],
        "tuple[str, str]": ["x", "y"],
        "str | None": None,
        "bool | None": None,
    }
    rows = [{one.name: values[str(one.type)] for one in fields(kind)} for kind in (DumpTrial, PairTrial)]
    said = {"trials": rows[:1], "pairs": rows[1:], "pair_dumps": []}
    return [{"x.json": _json({"schema": SCHEMA, "weights": "w", **said})}]


def named_trials() -> list[Files]:
    """A calibration of diagnoses."""
    from dataclasses import fields

    from parity.calibration.naming import NamingTrial, ValueTrial
    from parity.report.calibration_naming import SCHEMA

    values = {"bool": True, "str": "x", "float": 0.5, "int": 3, "tuple[str, ...]": ["x"]}
    rows = [{one.name: values.get(str(one.type)) for one in fields(kind)} for kind in (NamingTrial, ValueTrial)]
    return [{"x.json": _json({"schema": SCHEMA, "weights": "w", "trials": rows[:1], "values": rows[1:]})}]


# networks


@functools.cache
def _checkpoints() -> tuple[bytes, ...]:
    from collections import OrderedDict

    from parity.networks.checkpoint_writer import write_checkpoint

    weights = {"a.weight": np.linspace(0, 1, 6, dtype="f4").reshape(2, 3), "b": np.arange(3), "c": np.array(2.0)}
    trees: tuple[object, ...] = (
        weights,
        {"state_dict": OrderedDict(weights), "epoch": 3, "hyper": [1, (2, "x"), None]},
    )
    return tuple(_written(lambda path, tree=tree: write_checkpoint(path, tree)) for tree in trees)  # type: ignore[misc]


def checkpoints() -> list[Files]:
    """A plain state dict, and one as Lightning keeps it."""
    return [{"pytorch_model.bin": data} for data in _checkpoints()]


def embeddings() -> list[Files]:
    """A network's container of every form, with a few arrays: what else is missing is said when it was read."""
    from safetensors.numpy import save

    arrays = {"conv1.weight": np.ones((2, 1, 3, 3), "f4"), "bn1.bias": np.zeros(2, "f4")}
    found = [
        {"x.safetensors": save(arrays)},
        {"x.npz": _npz(**arrays)},
        {"x.bin": _checkpoints()[0]},
        {"x.onnx": _onnx()},
    ]
    return [*found, {"x.ort": _ort()}]


@functools.cache
def _onnx() -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((3, 2), "f4"), "w")
    place = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [place("x", TensorProto.FLOAT, [1, 3])],
        [place("y", TensorProto.FLOAT, [1, 2])],
        [weight, helper.make_tensor("t", TensorProto.FLOAT, [2], [0.5, 1.0])],
    )
    model: onnx.ModelProto = helper.make_model(graph)
    return model.SerializeToString()


@functools.cache
def _ort() -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(256)
    raw, text = builder.CreateByteVector(np.arange(4, dtype="f4").tobytes()), builder.CreateString("w")
    builder.StartVector(8, 1, 8)
    builder.PrependInt64(4)
    dims = builder.EndVector()
    builder.StartObject(6)
    for slot, offset in ((0, text), (2, dims), (4, raw)):
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    builder.PrependInt32Slot(3, 1, 0)
    tensor = builder.EndObject()
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(tensor)
    inside = builder.EndVector()
    for slot, fields in ((0, 8), (7, 10), (1, 3)):  # graph, model, session
        builder.StartObject(fields)
        builder.PrependUOffsetTRelativeSlot(slot, inside, 0)
        inside = builder.EndObject()
    builder.Finish(inside, file_identifier=b"ORTM")
    return bytes(builder.Output())


def ort() -> list[Files]:
    """A model of one tensor in ONNX Runtime's format."""
    return [{"x.ort": _ort()}]


@functools.cache
def _rnnt_model() -> bytes:
    from parity.networks.checkpoint_writer import write_checkpoint

    hidden, classes = 4, 5
    shapes = {f"decoder.lstm.{kind}_l0": (4 * hidden, hidden) for kind in ("weight_ih", "weight_hh")}
    shapes |= {f"decoder.lstm.{kind}_l0": (4 * hidden,) for kind in ("bias_ih", "bias_hh")}
    shapes |= {
        "decoder.embed.weight": (classes, hidden),
        "joint.joint_net.1.weight": (classes, 3),
        "joint.joint_net.1.bias": (classes,),
    }
    shapes |= {
        "joint.pred.weight": (3, hidden),
        "joint.pred.bias": (3,),
        "joint.enc.weight": (3, 6),
        "joint.enc.bias": (3,),
    }
    state = {f"head.{name}": np.full(shape, 0.5, "f4") for name, shape in shapes.items()}
    cfg = {"decoding": {"vocabulary": ["a", "b", "c", "d"]}}
    return _written(lambda path: write_checkpoint(path, {"state_dict": state, "cfg": cfg}))


def rnnt_models() -> list[Files]:
    """A head with four tokens."""
    return [{"model.bin": _rnnt_model()}]


# audio, and what the cache holds


def _wav(channels: int, rate: int, seconds: float) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        count = round(rate * seconds)
        tone = (8000 * np.sin(np.arange(count * channels) / 9)).astype("<i2")
        file.writeframes(tone.tobytes())
    return buffer.getvalue()


def clips() -> list[Files]:
    """Clips of one and of two channels."""
    return [{"x.wav": _wav(1, 16_000, 0.2)}, {"x.wav": _wav(2, 8_000, 0.1)}]


def audio() -> list[Files]:
    """The same, and as FLAC, as floats, and as Ogg."""
    import soundfile

    tone = np.sin(np.arange(3200) / 9).astype("f4") / 2
    forms = {
        "x.flac": ("FLAC", "PCM_16"),
        "y.wav": ("WAV", "FLOAT"),
        "x.ogg": ("OGG", "VORBIS"),
        "x.aiff": ("AIFF", "PCM_24"),
    }
    made = {}
    for name, (form, subtype) in forms.items():
        buffer = io.BytesIO()
        soundfile.write(buffer, tone, 16_000, format=form, subtype=subtype)
        made[name] = buffer.getvalue()
    return [*clips(), *({name: data} for name, data in made.items())]


def kept() -> list[Files]:
    """A graph in the cache."""
    from parity.networks.kept import HASHES

    return [{"model": b"graph", HASHES: _json({"model": _sha(b"graph")})}]


def choice() -> list[Files]:
    """Which runtime was found the fastest."""
    measured = {"onnx": {"seconds": 0.3, "drift": 0.0}, "ncnn": {"seconds": 0.2, "drift": 1e-6}}
    return [{"x.json": _json({"runtime": "ncnn", "measured": measured})}]


def index_pages() -> list[Files]:
    """A project's page on a package index, both forms."""
    return [
        {"x.json": _json({"files": [{"filename": "a-1.whl", "url": "../a-1.whl"}], "meta": {}})},
        {"x.html": b'<html><a href="../a-1.whl#sha256=0">a-1.whl</a><a href="b">b</a></html>'},
    ]


def write(folder: Path, files: Files) -> None:
    """Write the files into a folder."""
    for name, data in files.items():
        (folder / name).write_bytes(data)

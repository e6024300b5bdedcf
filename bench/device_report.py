"""`python -m bench.device_report`: the tables of docs/measured/versions.md that come from docs/measured/device.json.

The page has two marks; what stands between them is made here, and a test holds it against the report that is kept.
"""

from __future__ import annotations

import functools
import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.device import CAPTURED, DONE, NAME
from parity.console import run_and_exit
from parity.errors import InputError
from parity.files.whole import write_text
from parity.report.wording import markdown_lines, scientific

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "measured"
MARKS = ("<!-- from device.json -->", "<!-- end of device.json -->")
PAIRS = {
    "cpu against device": "CUDA against this machine's CPU",
    "cpu against device-tf32": "CUDA with TF32 against this machine's CPU",
    "committed against cpu": "this machine's CPU against the committed snapshots",
    "committed against device": "CUDA against the committed snapshots",
    "device against device-again": "CUDA against CUDA, the same again",
}
DETAILED = ("cpu against device", "cpu against device-tf32")
SHOWN = ("segmentation_logits", "fbank", "embeddings", "post_xvec", "post_plda", "q_final", "sp_final", "soft_clusters")
NONE = "—"

Found = Mapping[str, Any]


def filled(text: str, report: Found) -> str:
    """A page with the report's tables between its marks.

    Raises
    ------
    InputError : the page has no marks
    """
    before, mark, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (mark and end):
        raise InputError(f"{FOLDER / 'versions.md'}: holds no {MARKS[0]} with {MARKS[1]} after it")
    return f"{before}{mark}\n{page(report)}{end}{after}"


def page(report: Found) -> str:
    """Everything that is shown, as Markdown."""
    parts = [
        _machine(report),
        *_matrix(report),
        *_comparisons(report),
        *_diarized(report),
        *_speed(report),
        *_gate(report),
    ]
    parts += _failures(report)
    return "\n".join(["", *parts, ""])


def found(report: Found, step: str) -> Found | None:
    """What a step found; None where it was not done."""
    row = report["steps"].get(step, {})
    return row.get("found") if row.get("status") == DONE else None


def _machine(report: Found) -> str:
    seen = found(report, "environment") or {}
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in seen.get("versions", {}).items())
    card = (
        f"{seen.get('accelerator', report['device'])}, driver {seen.get('driver', NONE)}, CUDA {seen.get('cuda', NONE)}"
    )
    return (
        f"{card}, cuDNN {seen.get('cudnn', NONE)}; {machine['cores']} cores of {machine['cpu']}, Python "
        f"{machine['python']}, {versions or 'versions unknown'}.\n"
    )


# --- the reference, by device ------------------------------------------------------------------------------------


def _matrix(report: Found) -> Iterable[str]:
    """One row a pair of devices."""
    heads = ["pyannote.audio 4.0.4", "recordings", "all artefacts within tolerance", "turns the same", "frames flipped"]
    rows = [[*heads, "embeddings, worst", "of the noise floor"], ["---"] * (len(heads) + 2)]
    for step, title in PAIRS.items():
        if not (seen := found(report, step)):
            continue
        entries = list(seen.values())
        within = sum(entry["first_drift"] is None for entry in entries)
        same = sum(not any(t["only_reference"] or t["only_candidate"] for t in e["turns"].values()) for e in entries)
        noises = [entry["noise"]["embeddings"] for entry in entries]
        worst = max((noise["max_abs"] for noise in noises if noise["max_abs"] is not None), default=None)
        times = max((noise["multiple"] for noise in noises if noise["multiple"] is not None), default=None)
        cells = [title, str(len(entries)), f"{within}", f"{same}", str(sum(entry["flips"] for entry in entries))]
        rows.append([*cells, scientific(worst), NONE if times is None else f"{times:.2g} times"])
    if len(rows) > 2:
        yield "\n".join(markdown_lines(rows)) + "\n"


def _comparisons(report: Found) -> Iterable[str]:
    for step in DETAILED:
        title, seen = PAIRS[step], found(report, step)
        if not seen:
            continue
        yield f"#### pyannote.audio 4.0.4: {title}\n"
        yield "\n".join(markdown_lines(_by_recording(seen))) + "\n"
        yield "Largest move of each artefact, in brackets in multiples of that recording's noise floor:\n"
        yield "\n".join(markdown_lines(_by_artefact(seen))) + "\n"


def _by_recording(seen: Found) -> list[list[str]]:
    heads = [
        "recording",
        "exact / equivalent / different",
        "first not exact",
        "first to drift",
        "frames flipped (near ties)",
    ]
    rows = [[*heads, "labels", "turns lost, new", "DER, exclusive"], ["---"] * (len(heads) + 3)]
    for name in _ordered(seen):
        entry = seen[name]
        artefacts = entry["artefacts"]
        verdicts = [row["verdict"] for row in artefacts.values()]
        moved = next((key for key, row in artefacts.items() if row["verdict"] != "exact"), NONE)
        labels = artefacts.get("hard_clusters")
        turns = entry["turns"].values()
        lost, new = (sum(len(turn[side]) for turn in turns) for side in ("only_reference", "only_candidate"))
        rows.append(
            [
                name,
                " / ".join(str(verdicts.count(verdict)) for verdict in ("exact", "equivalent", "different")),
                moved,
                entry["first_drift"] or NONE,
                f"{entry['flips']} ({entry['near_ties']})",
                NONE if labels is None else str(labels["mismatches"] or "same"),
                f"{lost}, {new}" if lost or new else "same",
                ", ".join("0" if turn["der"] == 0 else f"{turn['der']:.4f}" for turn in turns),
            ]
        )
    return rows


def _by_artefact(seen: Found) -> list[list[str]]:
    names = _ordered(seen)
    rows = [["artefact", *names], ["---"] * (1 + len(names))]
    for artefact in SHOWN:
        cells = [_moved(seen[name], artefact) for name in names]
        if any(cell != NONE for cell in cells):
            rows.append([artefact, *cells])
    return rows


def _moved(entry: Found, artefact: str) -> str:
    if (noise := entry["noise"].get(artefact)) is not None:
        multiple = "" if noise["multiple"] is None else f" ({noise['multiple']:.2g})"
        return (
            f"{scientific(noise['max_abs'])}{multiple}" if noise["max_abs"] is not None else "excused, or another shape"
        )
    row = entry["artefacts"].get(artefact)
    return NONE if row is None else scientific(row["max_abs"])


def _ordered(seen: Found) -> list[str]:
    return [name for name in sorted(CAPTURED) if name in seen] + [name for name in seen if name not in CAPTURED]


# --- this project ------------------------------------------------------------------------------------------------


def _diarized(report: Found) -> Iterable[str]:
    both = [f"{name} in both networks" for name in ("tf32", "float16")]
    seen = {name: found(report, f"diarize {name}") for name in ("float32", "tf32", "float16", *both)}
    seen = {name: value for name, value in seen.items() if value}
    if not seen:
        return
    yield "#### `parity diarize --runtime torch --device cuda` against the committed snapshots\n"
    heads = [
        "precision",
        "RTTM line for line",
        "others: lines lost, new",
        "frames flipped (near ties)",
        "embeddings, worst",
    ]
    rows = [heads, ["---"] * len(heads)]
    for name, value in seen.items():
        clips = value["fixtures"]
        others = [
            f"{clip} {row['lines_lost']}, {row['lines_new']}"
            for clip, row in clips.items()
            if not (row["rttm_same"] and row["exclusive_same"])
        ]
        drifts = [row["embedding_drift"] for row in clips.values() if row["embedding_drift"] is not None]
        rows.append(
            [
                name,
                f"{value['same']} of {len(clips)}",
                "; ".join(others) or NONE,
                f"{sum(r['frames_flipped'] for r in clips.values())} ({sum(r['near_ties'] for r in clips.values())})",
                scientific(max(drifts)) if drifts else NONE,
            ]
        )
    yield "\n".join(markdown_lines(rows)) + "\n"


def _gate(report: Found) -> Iterable[str]:
    seen = found(report, "verdicts")
    if not seen:
        return
    summary = seen["summary"]
    others = [name for name, row in seen["fixtures"].items() if row["status"] != "parity"]
    said = f"; not at parity: {', '.join(others)}" if others else ""
    worst = scientific(summary["worst_embedding_drift"])
    yield (
        f"`parity run --runtime torch --device cuda`, every stage compared: {summary['at_parity']} of "
        f"{summary['fixtures']} fixtures at parity, worst embedding drift {worst}{said}.\n"
    )


def _speed(report: Found) -> Iterable[str]:
    seen, busy = found(report, "speed"), found(report, "profile")
    if not seen:
        return
    yield f"#### Speed: {seen['clip']} over again to {seen['audio_seconds']} s, in turns in one process\n"
    heads = [
        "side",
        "s an hour of audio",
        "beside pyannote",
        "of a run: segmentation",
        "embeddings",
        "rest",
        "GPU memory",
    ]
    rows = [[*heads, "card busy", f"RTTM, {seen['sides']['pyannote'][0]['lines']} lines"], ["---"] * (len(heads) + 2)]
    base = _median(seen["sides"]["pyannote"], "seconds")
    for name, runs in seen["sides"].items():
        rows.append([name, *_speeds(runs, base), _share(busy, name), _same(runs)])
    yield "\n".join(markdown_lines(rows)) + "\n"
    if busy:
        yield (
            f"*Card busy*: kernels and copies over the wall, in a profiled run of {busy['audio_seconds']} s of audio.\n"
        )


def _speeds(runs: Sequence[Found], base: float) -> list[str]:
    seconds = _median(runs, "seconds")
    stages = {name: statistics.median(run["stages"].get(name, 0.0) for run in runs) for name in _stages(runs)}
    heavy = {name: stages.get(name, 0.0) for name in ("segmentation", "embeddings")}
    memory = runs[0]["peak_gpu_mb"]
    return [
        f"{_median(runs, 'seconds_an_hour'):.1f}",
        f"{base / seconds:.1f} times as fast",
        *(f"{value:.2f} s" for value in heavy.values()),
        f"{max(0.0, seconds - sum(heavy.values())):.2f} s",
        NONE if memory is None else f"{memory / 1024:.1f} GB",
    ]


def _stages(runs: Sequence[Found]) -> dict[str, None]:
    return dict.fromkeys(name for run in runs for name in run["stages"])


def _median(runs: Sequence[Found], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def _same(runs: Sequence[Found]) -> str:
    other = max(run["lines_other"] for run in runs)
    return f"{other} lines lost or new" if other else "the same"


def _share(busy: Found | None, name: str) -> str:
    side = busy["sides"].get(name) if busy else None
    return NONE if not side else f"{100 * side['device_seconds'] / side['seconds_profiled']:.0f} %"


def _failures(report: Found) -> Iterable[str]:
    rows = [
        f"- {name}: {row['status']}: {row['error']}" for name, row in report["steps"].items() if row["status"] != DONE
    ]
    if rows:
        yield "Not done:\n"
        yield "\n".join(rows) + "\n"


def merged(first: Found, second: Found) -> Found:
    """Two runs on machines of one kind as one report: the second's steps count; comparisons are joined by recording."""
    steps = dict(first["steps"])
    for name, row in second["steps"].items():
        before = steps.get(name, {}).get("found", {})
        if " against " in name and "found" in row:
            row = {**row, "found": {**before, **row["found"]}}
        steps[name] = row
    return {**first, "seconds": first["seconds"] + second["seconds"], "steps": steps}


def main() -> None:
    """Fill the page from the report kept beside it, or from those given, later ones over earlier ones."""

    def fill() -> None:
        kept, text = FOLDER / NAME, FOLDER / "versions.md"
        given = [json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:] or [kept]]
        report = functools.reduce(merged, given)
        write_text(kept, json.dumps(report, indent=1, allow_nan=False) + "\n")
        write_text(text, filled(text.read_text(encoding="utf-8"), report))

    run_and_exit(fill)


if __name__ == "__main__":
    main()

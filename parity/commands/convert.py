"""`parity convert`: the embedding network's weights for another framework."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.commands.options import ThreadsOption
from parity.console import stdout, working

if TYPE_CHECKING:
    from parity.networks.wespeaker.checkpoints import EmbeddingWeights

SETS = ("wheels", "hub")
CLIP = "02_pyannote_sample"


def convert(
    source: Annotated[str, typer.Argument(help="A checkpoint or a folder with one; wheels or hub.")],
    out: Annotated[Path, typer.Argument(help="The file, or with --to mlx or --parts the folder, to write.")],
    to: Annotated[str, typer.Option("--to", help="onnx, torch, mlx or safetensors.")],
    fold: Annotated[
        bool | None, typer.Option("--fold/--no-fold", help="Batch norms folded into convolutions; default: ONNX only.")
    ] = None,
    parts: Annotated[bool, typer.Option("--parts", help="ONNX as trunk.onnx and head.onnx in a folder.")] = False,
    opset: Annotated[int, typer.Option(help="Operators' version of ONNX.")] = 17,
    clip: Annotated[
        Path | None, typer.Option(help="Audio to try the result on; 02_pyannote_sample of the catalogue otherwise.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    threads: ThreadsOption = None,
) -> None:
    """Convert the embedding network, read the result back, run it on a clip, and say how far it is from its source.

    Exit status: 0 written, 2 not: the source, the options, or a result that is not the source's.
    """
    from parity.audio import open_samples
    from parity.community1.audio import hear
    from parity.embedding import convert as convert_weights
    from parity.embedding.conversion import Options, check_options
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.networks.wespeaker.checkpoints import read_embedding
    from parity.sources import load_weights

    options = Options(to, fold, parts, opset, overwrite)
    check_options(options, out)
    with working("reading") as say:
        weights = load_weights(source) if source in SETS else None
        found = read_embedding(weights.folder / "embedding" if weights else Path(source))
        name = weights.name if weights else Path(source).name
        if clip is None:
            (fixture,) = Catalogue.read(default_folder()).select([CLIP])
        audio = clip or fixture.clip()
        samples = open_samples(audio)
        waveform = hear(samples, samples.sample_rate)[0]
        say("writing and trying")
        made = convert_weights(found, name, waveform, out, options, threads)
    for line in _source_lines(found, name):
        stdout.print(line, markup=False, soft_wrap=True)
    norms = "folded into the convolutions" if options.folds else "kept"
    arrays = "every array the source's, bit for bit" if made.layout_only else "arrays change with that, not only layout"
    stdout.print(f"batch norms {norms}: {arrays}", markup=False, soft_wrap=True)
    if to == "onnx":
        stdout.print(f"opset {opset}", markup=False)
    stdout.print(
        f"in {made.ran_in}, on the first ten seconds of {audio.name}: embeddings at most {made.drift:.1e} off the "
        f"source's (their RMS is {made.scale:.2f})",
        markup=False,
        soft_wrap=True,
    )
    if to in ("torch", "mlx") and made.ran_in != to:
        stdout.print(f"{to} is not installed: the arrays read back ran in {made.ran_in}", markup=False)
    sizes = ", ".join(f"{file} {size:,} bytes" for file, size in made.sizes.items())
    stdout.print(f"done: {out} ({sizes})", markup=False, soft_wrap=True)


def _source_lines(found: EmbeddingWeights, name: str) -> list[str]:
    lines = [f"{name}: {found.container}, {len(found.arrays)} arrays, sha256 {found.sha256[:12]}"]
    counters = [entry for entry in found.dropped if entry.endswith("num_batches_tracked")]
    others = [entry for entry in found.dropped if entry not in counters]
    counted = "1 counter of a batch norm" if len(counters) == 1 else f"{len(counters)} counters of batch norms"
    said = ([counted] if counters else []) + others
    lines += [f"dropped, no part of an embedding: {', '.join(said)}"] if said else []
    return lines + [f"converted: {note}" for note in found.notes]

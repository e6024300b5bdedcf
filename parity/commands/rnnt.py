"""`parity rnnt …`: the RNN-T backend: decode with it, replay it against the reference, plant faults in it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.commands.completion import complete_rnnt_fault
from parity.commands.options import (
    ImplementationOption,
    ReportOption,
    RnntArguments,
    RnntOption,
    SnapshotsOption,
    StageTimeoutOption,
    both,
)
from parity.commands.tables import table_option
from parity.console import stderr, stdout, working
from parity.errors import InputError
from parity.report.tables import CALIBRATE, RNNT

if TYPE_CHECKING:
    import numpy as np

    from parity.rnnt.model import Model
    from parity.rnnt.vocabulary import Vocabulary
    from parity.subjects.rnnt.fixtures import RnntFixture

app = typer.Typer(name="rnnt", no_args_is_help=True, help="The RNN-T step backend (GigaAM layout) and its parity.")
DEFAULT_REPORT, NAMING_REPORT = Path("reports/calibration-rnnt.json"), Path("reports/diagnosis-rnnt.json")
NPY_LIMIT = 1 << 30  # bytes of encoder frames: 96 hours at 25 frames per second and 768 wide are larger


@app.command()
def decode(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint in the GigaAM layout with an RNN-T head.")],
    encoded: Annotated[list[Path], typer.Argument(help="Encoder frames, one .npy (frames, width) per utterance.")],
    tokenizer: Annotated[Path | None, typer.Option(help="A SentencePiece model, where the model has one.")] = None,
    max_symbols: Annotated[int, typer.Option(min=1, help="Symbols per frame.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Tokens and frames too, one line of JSON per file.")] = False,
    statistics: Annotated[bool, typer.Option(help="Steps and time spent, on standard error.")] = True,
) -> None:
    """Decode encoder frames: one line of text per file on standard output (token ids where there is no vocabulary)."""
    from parity.rnnt.model import read_model
    from parity.rnnt.search import check_encoded, greedy_batch
    from parity.rnnt.step import OnnxJointStep, RnntNetworks

    model = read_model(checkpoint)
    vocabulary = _vocabulary(model, checkpoint, tokenizer)
    utterances = [check_encoded(_read_npy(path), model.head.enc_hidden, path) for path in encoded]
    if model.seeded:
        stderr.print(f"{checkpoint}: a seeded head ({model.seeded}), not a trained one: its text means nothing")
    networks = RnntNetworks(model.head)
    found = greedy_batch(lambda: OnnxJointStep(networks), utterances, max_symbols=max_symbols)
    for path, (hypothesis, backend) in zip(encoded, found, strict=True):
        tokens = hypothesis.tokens.tolist()
        text = None if vocabulary is None else vocabulary.text(tokens)
        if as_json:
            line = {"file": str(path), "text": text, "tokens": tokens, "frames": hypothesis.frames.tolist()}
            print(json.dumps(line, ensure_ascii=False))
        else:
            print(" ".join(map(str, tokens)) if text is None else text)
        if statistics:
            from parity.report.steps import statistics_line

            stderr.print(f"{path}: {statistics_line(backend.statistics)}", markup=False)


@app.command()
def replay(
    fixtures: RnntArguments = None,
    fixture: RnntOption = None,
    snapshots: SnapshotsOption = None,
    fault: Annotated[
        str | None, typer.Option(help="Plant one of the known faults first.", autocompletion=complete_rnnt_fault)
    ] = None,
    implementation: ImplementationOption = "native",
    stage_timeout: StageTimeoutOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Localise what drifts.")] = False,
    json_path: ReportOption = Path("reports/rnnt.json"),
    table: Annotated[list[str], table_option(RNNT)] = [],  # noqa: B006
) -> None:
    """Replay the RNN-T fixtures against gigaam's own search, step by step.

    Exit status: 0 every fixture at parity, 1 any drifted, 2 something was wrong with the inputs.
    """
    from parity.files.whole import check_writable, write_text
    from parity.ports.python import load_implementation
    from parity.report.document import to_json
    from parity.report.explanation import explanation_table, in_words
    from parity.report.steps import diagnosed_lines, steps_document, steps_table
    from parity.subjects.rnnt.fixtures import select
    from parity.subjects.rnnt.questions import known_fault, planted, run_fixture
    from parity.tables.writing import targets, write_tables

    chosen = select(both(fixtures, fixture))
    found = known_fault(fault)
    if found and implementation != "native":
        raise InputError(f"--fault {fault}: is planted in the native pipeline, so --implementation cannot be given too")
    check_writable(json_path)
    wanted = targets(table, RNNT, [json_path])
    results = []
    with load_implementation(implementation, stage_timeout) as given:
        for entry in chosen:
            with working(entry.name):
                under_test = planted(found, entry) if found else given
                results.append(
                    run_fixture(entry, snapshots=snapshots, implementation=under_test, explain_drift=explain)
                )
    document = steps_document(results, implementation=f"fault {found.name}" if found else given.name)
    write_text(json_path, to_json(document))
    write_tables(wanted, document)
    stdout.print(steps_table(document))
    for row in document["fixtures"]:
        if row["explanation"] is not None:
            stdout.print(explanation_table(row["explanation"]))
            for line in in_words(row["explanation"]):
                stdout.print(line, markup=False, soft_wrap=True)
        for line in diagnosed_lines(row):
            stdout.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(0 if all(result.at_parity for result in results) else 1)


@app.command()
def calibrate(
    fixtures: RnntArguments = None,
    fixture: RnntOption = None,
    json_path: ReportOption = DEFAULT_REPORT,
    table: Annotated[list[str], table_option(CALIBRATE)] = [],  # noqa: B006
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Whether the mistake is named, and nothing where it is taken out.")
    ] = False,
) -> None:
    """Plant RNN-T faults and see whether the lab finds them; exit status as of `parity calibrate`."""
    from parity.calibration.trials import calibrate as run
    from parity.files.whole import check_writable, write_text
    from parity.report.calibration import calibration_document, confusion_table, faults_table, headline
    from parity.report.document import to_json
    from parity.subjects.rnnt.faults import FAULTS
    from parity.subjects.rnnt.fixtures import ALL, select
    from parity.subjects.rnnt.questions import benches
    from parity.tables.writing import targets, write_tables

    chosen = select(both(fixtures, fixture))
    if partial := [entry.name for entry in chosen if entry.kept != ALL and (fixtures or fixture)]:
        raise InputError(f"--fixture {', '.join(partial)}: keeps decisions only; faults need every step")
    json_path = NAMING_REPORT if diagnose and json_path == DEFAULT_REPORT else json_path
    check_writable(json_path)
    if diagnose:
        if table:
            raise InputError("--diagnose: goes without --table; a calibration of diagnoses is --json")
        _calibrate_naming(chosen, json_path)
    wanted = targets(table, CALIBRATE, [json_path])
    started = time.perf_counter()
    with working("faults") as say:
        found = run(benches(chosen, say), FAULTS)
    document = calibration_document(found, weights="seeded heads", skipped={}, seconds=time.perf_counter() - started)
    write_text(json_path, to_json(document))
    write_tables(wanted, document)
    stdout.print(faults_table(document))
    stdout.print(confusion_table(document))
    stdout.print(headline(document), soft_wrap=True)
    raise typer.Exit(0 if found.passed else 1)


def _calibrate_naming(chosen: list[RnntFixture], json_path: Path) -> None:
    from parity.files.whole import write_text
    from parity.networks.runtime import one_blas_thread
    from parity.report.calibration_naming import headline, lines, naming_document, passed
    from parity.report.document import to_json
    from parity.subjects.rnnt.named import calibrate_naming
    from parity.subjects.rnnt.questions import benches

    started = time.perf_counter()
    with working("faults") as say, one_blas_thread():
        found = calibrate_naming(benches(chosen, say), on_trial=lambda name, fault: say(f"{name}: {fault}"))
    document = naming_document(found, weights="seeded heads", seconds=time.perf_counter() - started)
    write_text(json_path, to_json(document))
    for line in (headline(document), *lines(document)):
        stdout.print(line, markup=False, soft_wrap=True)
    stderr.print(f"report: {json_path}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if passed(document) else 1)


@app.command()
def seed(
    head: Annotated[str, typer.Argument(help="Name of a seeded head, as one_layer_34.")],
    folder: Annotated[Path, typer.Argument(help="Where head.ckpt and encoded.npy go; must not exist.")],
    frames: Annotated[int, typer.Option(min=1, max=100_000, help="Encoder frames to make.")] = 250,
) -> None:
    """Write a seeded head as a checkpoint, and seeded encoder frames for it: to try decode without a real model."""
    import numpy as np

    from parity.files.whole import writing_folder
    from parity.names import find_name
    from parity.networks.checkpoint_writer import write_checkpoint
    from parity.rnnt.seeded import SeededUtterance
    from parity.subjects.rnnt.fixtures import HEADS

    recipe = HEADS[find_name(head, HEADS, refused="{}: no such seeded head", there_are="there are:")]
    with writing_folder(folder) as temporary:
        write_checkpoint(temporary / "head.ckpt", {"seeded": head, "state_dict": recipe.state_dict()})
        np.save(temporary / "encoded.npy", SeededUtterance("seeded", frames, 2).encoded(recipe.enc_hidden))
    stdout.print(f"{folder}: head.ckpt and encoded.npy; a seeded head, not a trained one")


def _vocabulary(model: Model, checkpoint: Path, tokenizer: Path | None) -> Vocabulary | None:
    from parity.rnnt.vocabulary import SentencePieces, check_vocabulary

    if tokenizer is not None:
        return check_vocabulary(SentencePieces(tokenizer), model.head.classes, f"--tokenizer {tokenizer}")
    if model.vocabulary is None:
        return None
    return check_vocabulary(model.vocabulary, model.head.classes, checkpoint)


def _read_npy(path: Path) -> np.ndarray:
    from parity.files.arrays import read_file

    if not path.is_file():
        raise InputError(f"{path}: no such file; expected encoder frames as .npy")
    if (size := path.stat().st_size) > NPY_LIMIT:
        raise InputError(f"{path}: has {size} bytes, over the limit of {NPY_LIMIT}: not one utterance's frames")
    contents = read_file(path, ".npy")
    if contents.problems:
        raise InputError(f"{contents.problems[0]}; expected a plain .npy with one utterance's frames")
    return contents.arrays[None]

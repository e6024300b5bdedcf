"""`docs/reference/decisions.md`, every decision case and what the cases catch: `python docs/make_decisions.py`.

A test compares the page with what this makes of the cases and the code; milliseconds are of the machine that made it.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from parity.calibration.decisions import Caught, catch, summary
from parity.faults.known import FAULTS
from parity.files.whole import write_text
from parity.fixtures.decisions import DecisionCase, decisions_folder, read_decisions
from parity.fixtures.snapshot import REFERENCE_VERSION
from parity.report.wording import markdown_lines

PAGE = Path(__file__).parent / "reference" / "decisions.md"
HEAD = """\
# Decision cases

{count} tiny inputs made by hand, one for each discrete decision of the pipeline, with the answer of the reference's own
functions: pyannote.audio {version}, and SciPy, scikit-learn and NumPy as it calls them. No network and no audio has a
part in any of them, so a port can be asked them from its first day on. Each asks one stage.

They lie in `fixtures/decisions/`, {kilobytes} kB, one folder per kind: `manifest.json` with a sentence for each case,
its stage, its parameters where they are not the published ones, what it reads and writes; `cases.npz` with the arrays
as `NAME/in/ARTEFACT` and `NAME/out/ARTEFACT`; `turns.json` with RTTM texts. `parity kit FOLDER --decisions` writes them
as plain `.npy`, one folder per case. `parity check PROGRAM` puts them to a program in any language
([how](../how-to/check-a-program.md)). `nox -s capture -- decisions --check` asks the reference again.

What a case writes is compared as that artefact always is ([tolerances](tolerances.md)): decisions exactly, numbers
within rounding. A case that writes nothing is one where the reference does not run the stage. `powerset` is the line
inside `segmentation` that turns log-probabilities into speakers; a program is asked it where it names `powerset`.

Made from the cases and the code by `python docs/make_decisions.py`; milliseconds are of the machine that made it.
"""


def page(caught: list[Caught] | None = None) -> str:
    """The page's text.

    Parameters
    ----------
    caught : what the cases catch of the known faults; asked here where it is not given
    """
    cases, folder = read_decisions(), decisions_folder()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    lines = [HEAD.format(count=len(cases), version=REFERENCE_VERSION, kilobytes=round(size / 1000))]
    lines += ["## By kind", "", *_counts(cases), "", *_caught(caught or catch(FAULTS, cases))]
    for kind in dict.fromkeys(case.kind for case in cases):
        lines += ["", f"## {kind}", "", *_sentences([case for case in cases if case.kind == kind])]
    return "\n".join([*lines, ""])


def untimed(text: str) -> str:
    """The page without its milliseconds."""
    return re.sub(r"\d+ ms", "… ms", text)


def _counts(cases: tuple[DecisionCase, ...]) -> list[str]:
    counts = Counter((case.kind, case.stage) for case in cases)
    rows = [(f"[{kind}](#{kind})", f"`{stage}`", str(number)) for (kind, stage), number in counts.items()]
    return markdown_lines([("kind", "stage", "cases"), ("---", "---", "---"), *rows])


def _caught(caught: list[Caught]) -> list[str]:
    total = summary(caught)
    missed = [f"`{one.fault.name}`" for one in caught if not one.cases]
    text = (
        f"Of the lab's planted faults {total['faults']} touch a decision; the cases catch {total['caught']} of them, "
        f"in {total['milliseconds']:.0f} ms altogether, without any network. Not caught: {', '.join(missed) or 'none'}."
    )
    rows = [
        (
            f"`{one.fault.name}`",
            f"`{one.fault.stage}`",
            f"{len(one.cases)} of {one.asked}",
            f"{1000 * one.seconds:.0f} ms",
        )
        for one in caught
    ]
    head = [("fault", "stage", "cases that catch it", "asked in"), ("---", "---", "---", "---")]
    return ["## What they catch", "", text, "", *markdown_lines([*head, *rows])]


def _sentences(cases: list[DecisionCase]) -> list[str]:
    rows = [(f"`{case.name}`", case.about, _parameters(case)) for case in cases]
    return markdown_lines([("case", "decides", "parameters"), ("---", "---", "---"), *rows])


def _parameters(case: DecisionCase) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in case.parameters.items())


if __name__ == "__main__":
    write_text(PAGE, page())

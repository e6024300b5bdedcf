"""A proposal as the text of a map: commented, and such that the reader accepts it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from parity.errors import one_line
from parity.maps.table import WINDOWS, parse_map
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.proposal.inventory import Stored
from parity.ports.proposal.matching import Fit
from parity.ports.proposal.propose import Proposal

WIDTH = 118
MOST_NAMED = 6


def proposal_text(found: Proposal, folder: str) -> str:
    """The map's text.

    Raises
    ------
    InputError : the reader does not accept it, which is a bug of the lab
    """
    unsure = found.unsure
    blocks = [_head(found, folder, unsure)]
    blocks += [_entry(fit, unsure.get(name)) for name, fit in found.fits.items()]
    if rest := _rest(found):
        blocks.append(rest)
    text = "\n".join(blocks)
    if found.fits:
        parse_map(text, "the proposal")
    return text


def _head(found: Proposal, folder: str, unsure: dict[str, str]) -> str:
    inventory = found.inventory
    lines = _comment(f"Proposed by parity map for {folder}, from {inventory.name}. Read it before you trust it.")
    if found.fixture is None:
        lines += _comment(
            "It is none of the lab's recordings as far as can be told (--fixture says which): names and shapes only."
        )
    else:
        lines += _comment(f"Compared with {found.fixture[0]}, told {found.fixture[1]}.")
    if others := inventory.others:
        more = ", …" if len(others) > MOST_NAMED else ""
        lines += _comment(f"Not looked at: {', '.join(others[:MOST_NAMED])}{more}.")
    lines += _comment(
        f"Sure of {len(found.fits) - len(unsure)} artefacts, unsure of {len(unsure)}: {', '.join(unsure) or 'none'}."
    )
    lines.append("schema = 1")
    if inventory.fixture and found.fixture and inventory.fixture != found.fixture[0]:
        lines += ["", "[fixtures]", f"{_text(inventory.fixture)} = {_text(found.fixture[0])}"]
    return "\n".join(lines) + "\n"


def _entry(fit: Fit, unsure: str | None) -> str:
    lines = _comment(f"{'unsure: ' + unsure if unsure else fit.why}")
    lines += [f"[artefacts.{fit.artefact}]", f"file = {_text(fit.stored.file)}"]
    if fit.stored.key is not None:
        lines.append(f"key = {_text(fit.stored.key)}")
    lines += [f"{key} = {json.dumps(value)}" for key, value in fit.said.items()]
    if dtype := _dtype(fit):
        lines.append(f"dtype = {_text(dtype)}")
    if fit.stored.windowed:
        lines.append(f'window = "{_window(fit.artefact)}"')
    return "\n".join(lines) + "\n"


def _dtype(fit: Fit) -> str | None:
    """What whole numbers and truth values are converted to; what is float stays as it was written."""
    value, wanted = fit.stored.value, ARTEFACTS[fit.artefact].dtype
    if not isinstance(value, np.ndarray) or fit.stored.form in ("json", "csv") or "scale" in fit.said:
        return None
    own, whole = np.dtype(wanted), value.dtype.kind in "biu"
    return wanted if (whole and value.dtype != own) or (not whole and own.kind in "iu") else None


def _window(artefact: str) -> str:
    name = "frames" if ARTEFACTS[artefact].dims[0] == "frames" else "chunks"
    assert name in WINDOWS
    return name


def _rest(found: Proposal) -> str:
    lines = [f"# not placed: {one_line(_said(stored))}" for stored in found.left]
    lines += [f"# not read: {one_line(line)}" for line in found.inventory.unread]
    missing = [name for name in ARTEFACTS if name not in found.fits]
    if missing:
        lines += _comment(f"nothing found for: {', '.join(missing)}")
    return "\n".join(lines) + "\n" if lines else ""


def _said(stored: Stored) -> str:
    value: Any = stored.value
    return f"{stored.place}, {value.dtype} {value.shape}" if isinstance(value, np.ndarray) else f"{stored.place}, turns"


def _comment(text: str) -> list[str]:
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)

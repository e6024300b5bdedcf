"""The pipeline's stages in words; see `parity.ports.stage_list`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

WIDTH = 80


def in_words(stages: Iterable[Mapping[str, Any]], *, formulas: bool) -> Iterator[str]:
    """Each stage: what it is, what it reads and writes; with formulas, how it is computed and compared too."""
    for stage in stages:
        yield from textwrap.wrap(stage["about"], WIDTH, subsequent_indent="  ")
        yield from _listed("reads   ", [artefact["name"] for artefact in stage["reads"]])
        for artefact in stage["writes"]:
            form = f"{artefact['name']} ({', '.join(artefact['dims'])}) {artefact['dtype']}: {artefact['unit']}"
            yield from _listed("writes  ", [form, f"tolerance {artefact['tolerance']:g}"] if formulas else [form])
        if formulas:
            yield from _formula(stage)
        yield ""


def _formula(stage: Mapping[str, Any]) -> Iterator[str]:
    if stage["runs_only_if"]:
        yield from _listed("runs    ", [f"only where {', '.join(stage['runs_only_if'])} says so"])
    if stage["inside"]:
        yield from _listed("inside  ", [f"{', '.join(stage['inside'])}, which a program may be asked alone"])
    yield from textwrap.wrap(stage["formula"], WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield f"  code: {stage['module']}"


def _listed(head: str, words: list[str]) -> list[str]:
    indent = "  " + " " * len(head)
    return textwrap.wrap(", ".join(words), WIDTH, initial_indent="  " + head, subsequent_indent=indent)

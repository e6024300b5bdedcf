"""Differences that are conventions: a dump brought to the reference's numbering, and what was renumbered, in words.

Recognised: a frame more or less at the end; the order of local speakers within a chunk, one order a chunk for all
artefacts; the order of training embeddings; the numbering of AHC's and of the final clusters; signs of eigenvectors;
the cluster of a local speaker who says nothing in the chunk, which is a tie and which no later stage reads.
Conventions: an order is found from the earliest artefact that shows it and then applied to every artefact behind it, so
that a dump whose artefacts contradict each other is not mended. A renumbering is taken only where it explains at least
half of the difference; otherwise the dump stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from parity.pipeline import ARTEFACTS
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.clusters import number
from parity.ports.dump.local_speakers import order_local_speakers, speaker_orders
from parity.ports.dump.reading import Dump
from parity.ports.dump.training import order_training_rows
from parity.replay.outcome import unread

AT_END = {"F", "frames"}


def align(reference: Dump, candidate: Dump) -> Aligned:
    """Both dumps under the reference's conventions; the dumps themselves are left alone."""
    fitting = {name: value for name, value in candidate.values.items() if _fits(name, value)}
    both = Aligned(dict(reference.values), fitting, gap=reference.beside.get("segmentation_gap"))
    _same_chunks(both, reference, candidate)
    _same_end(both)
    orders = both.orders = speaker_orders(both)
    if orders is not None:
        order_local_speakers(both, orders)
    order_training_rows(both, orders)
    number(both)
    _silent(both)
    _signs(both)
    both.got = {name: both.got.get(name, value) for name, value in candidate.values.items()}
    return both


def _fits(name: str, value: Any) -> bool:
    """Whether an artefact has the dims and the kind of numbers that make renumbering it mean anything."""
    artefact = ARTEFACTS[name]
    if artefact.dtype == "text":
        return True
    whole = np.dtype(artefact.dtype).kind not in "iu" or value.dtype.kind in "iu"
    return value.ndim == len(artefact.dims) and value.size > 0 and whole


def _same_chunks(both: Aligned, reference: Dump, candidate: Dump) -> None:
    """Artefacts that may hold a subset of the chunks, cut down to those that both sides have."""
    for name in [name for name, artefact in ARTEFACTS.items() if artefact.by_chunk]:
        if name not in both.want or name not in both.got:
            continue
        theirs, ours = reference.chunks(name), candidate.chunks(name)
        if len(theirs) != len(both.want[name]) or len(ours) != len(both.got[name]):
            continue
        common, rows, mine = np.intersect1d(theirs, ours, return_indices=True)
        if len(common):
            both.want[name], both.got[name] = both.want[name][rows], both.got[name][mine]
            both.chunks[name] = common


def _same_end(both: Aligned) -> None:
    for name in set(both.want) & set(both.got):
        dims = ARTEFACTS[name].dims
        want, got = both.want[name], both.got[name]
        if ARTEFACTS[name].dtype == "text" or not want.ndim == got.ndim == len(dims):
            continue
        for axis in [axis for axis, letter in enumerate(dims) if letter in AT_END]:
            more = got.shape[axis] - want.shape[axis]
            if abs(more) != 1:
                continue
            end = min(got.shape[axis], want.shape[axis])
            both.cropped.add(name)
            both.want[name], both.got[name] = (np.take(x, np.arange(end), axis) for x in (want, got))
            both.by.setdefault(name, []).append(f"one frame {'more' if more > 0 else 'less'} at the end")
            if name == "segmentations" and both.gap is not None:
                both.gap = both.gap[:, :end]


def _silent(both: Aligned) -> None:
    mask = unread("hard_clusters", both.want)
    if mask is not None and both.both("hard_clusters") and mask.shape == both.want["hard_clusters"].shape:
        want, got = both.want["hard_clusters"], both.got["hard_clusters"]
        changed = np.where(mask, want, got).astype(got.dtype)
        words = f"clusters of {int(np.sum(changed != got))} silent speakers, which nothing reads"
        both.change("hard_clusters", changed, words)


def _signs(both: Aligned) -> None:
    if both.both("post_plda") and both.want["post_plda"].ndim == 2:
        want, got = both.want["post_plda"], both.got["post_plda"]
        sign = np.where(np.sum(got * want, axis=0) < 0, -1, 1).astype(got.dtype)
        flipped = int(np.sum(sign < 0))
        both.change("post_plda", got * sign, f"eigenvectors with the other sign, {flipped} of {len(sign)}")

"""`community-1` as the lab sees it: its answer is two RTTMs, near ties of the segmentation may differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from parity.community1.annotation import to_rttm
from parity.explain.answer import Answer, answer_of, distance, recovery
from parity.explain.elements import decisive_elements
from parity.fixtures import Snapshot
from parity.replay import Subject
from parity.replay.outcome import (
    TEXTS,
    URI,
    beyond_recorded,
    excuses,
    finish,
    near_tie_flips,
    recorded_part,
    unread,
    with_uri,
)


def near_ties(made: Mapping[str, Any], snapshot: Snapshot) -> dict[str, np.ndarray]:
    """What may differ because the reference's own choice of a frame's class is noise."""
    flips = near_tie_flips(made.get("segmentations"), snapshot, made.get("segmentation_logits"))
    return excuses(flips, snapshot)


def recorded_answer(made: Answer, snapshot: Snapshot) -> Answer:
    """The recorded RTTMs where there are any."""
    rttm, exclusive = (
        with_uri(snapshot.values[name], URI) if name in snapshot.values else own
        for name, own in zip(TEXTS, (made.rttm, made.exclusive_rttm), strict=True)
    )
    return replace(made, rttm=rttm, exclusive_rttm=exclusive)


SUBJECT = Subject(
    texts=TEXTS,
    to_text=partial(to_rttm, uri=URI),
    recorded_text=partial(with_uri, uri=URI),
    excuses=near_ties,
    # Of what reads the reference's own segmentations there is nothing to excuse.
    excused_isolated=frozenset({"segmentations"}),
    recorded_part=recorded_part,
    finish=finish,
    answer_of=answer_of,
    recorded_answer=recorded_answer,
    distance=distance,
    recovery=recovery,
    elements=decisive_elements,
    unread=unread,
    beyond_recorded=beyond_recorded,
)

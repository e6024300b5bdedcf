"""An answer as JSON: everything that is not an array. `diarization_schema.json` beside this module is its schema.

What each key means is in docs/reference/answers.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from parity import __version__
from parity.answers.diarization import Diarization
from parity.community1.annotation import Turn

SCHEMA = 1


def document(answer: Diarization, uri: str) -> dict[str, Any]:
    """The answer as plain data.

    Parameters
    ----------
    uri : the recording's name
    """
    return {
        "schema": SCHEMA,
        "version": __version__,
        "recording": uri,
        "start_seconds": answer.start_seconds,
        "audio_seconds": answer.audio_seconds,
        "remarks": [vars(remark) for remark in answer.remarks],
        "weights": answer.weights,
        "runtime": answer.runtime,
        "speakers": [_speaker(answer, name) for name in answer.speakers],
        "turns": _rows(answer.turns),
        "exclusive_turns": _rows(answer.exclusive_turns),
    }


def to_json(answer: Diarization, uri: str) -> str:
    """The text of `document`, keys in its order."""
    return json.dumps(document(answer, uri), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _speaker(answer: Diarization, name: str) -> dict[str, Any]:
    own = [turn for turn in answer.turns if turn.speaker == name]
    return {"speaker": name, "turns": len(own), "seconds": sum(turn.end - turn.start for turn in own)}


def _rows(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    return [{"start": turn.start, "end": turn.end, "speaker": turn.speaker} for turn in turns]

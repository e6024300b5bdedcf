"""What a difference is like, as data and in a sentence, from what `parity.measure.difference` found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from parity.measure.difference import Difference
from parity.measure.kinds import NOTHING_KNOWN
from parity.measure.spread import QUANTILES
from parity.report.wording import scientific

Found = dict[str, Any]


def difference_data(found: Difference | None) -> Found | None:
    """A difference, ready for JSON."""
    if found is None:
        return None
    return {
        "artefact": found.artefact,
        "kinds": [asdict(kind) for kind in found.kinds],
        "spread": None if found.spread is None else _spread(asdict(found.spread)),
    }


def _spread(found: Found) -> Found:
    """Quantiles by their share, curves under names; what is no number is null."""
    plain = {name: _number(found[name]) for name in ("rms", "bias", "snr_db", "cosine", "would_pass")}
    ulps = found["ulps"]
    return {
        "elements": found["elements"],
        **plain,
        "quantiles": [[share, _number(size)] for share, size in zip(QUANTILES, found["quantiles"], strict=True)],
        "ulps": None if ulps is None else {"median": _number(ulps[0]), "largest": _number(ulps[1])},
        "histogram": {"edges": list(map(_number, found["histogram"][0])), "counts": list(found["histogram"][1])},
        "qq": {"normal": list(found["qq"][0]), "seen": list(map(_number, found["qq"][1]))},
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def difference_in_words(found: Found | None, diagnoses: Iterable[Found] = ()) -> list[str]:
    """One line: the kind, then the numbers; none where nothing was described.

    Parameters
    ----------
    diagnoses : of the same candidate; a mistake that is named is more than a kind
    """
    if found is None:
        return []
    named = [name for one in diagnoses if one["mistake"] is not None for name in one["judged_by"]]
    other = "what the mistake makes" if found["artefact"] in named else NOTHING_KNOWN
    kinds = "; ".join(kind["words"] for kind in found["kinds"]) or other
    numbers = _numbers(found["spread"])
    if not found["kinds"] and not numbers and found["artefact"] in named:
        return []  # the mistake says it all
    return [f"What differs in {found['artefact']}: {kinds}{numbers}."]


def _numbers(spread: Found | None) -> str:
    if spread is None:
        return ""
    words = []
    if spread["snr_db"] is not None:
        words.append(f"signal to noise {spread['snr_db']:.0f} dB")
    if spread["cosine"] is not None:
        words.append(f"1 - cosine {1 - spread['cosine']:.1e}")
    half, largest = spread["quantiles"][0][1], spread["quantiles"][-1][1]
    words.append(f"half within {scientific(half)}, all within {scientific(largest)}")
    if spread["ulps"] is not None and spread["ulps"]["median"] is not None:
        words.append(f"{spread['ulps']['median']:.2g} ULPs in the middle")
    if spread["would_pass"] is not None:
        words.append(f"a tolerance of {spread['would_pass']:.0e} would have passed")
    return f" ({', '.join(words)})"

"""What is to be said of a recording: one remark for each thing that is not as it should be.

Task: facts -> remarks, the gravest first. A *warning* is what can change who is heard; a *note* is what one may want to
know. Each limit stands here, with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from parity.audio.examination import LOWEST_DB, Facts
from parity.audio.header import Length

WARNING, NOTE = "warning", "note"

CANCELLED_DB = 10.0
"""Independent channels lose 3 dB whenever their number doubles, eight of them 9. More is one against another."""

CLIPPED_SHARE = 1e-3
"""A sample in a thousand: a few cut peaks are harmless."""

QUIET_DB = -55.0
"""dBFS of all that is heard; speech that quiet is a few steps of 16 bits."""

OFFSET = 0.01
"""Full scales. The filterbank takes a constant out, but a loud one leaves less room."""

TELEPHONE_HZ = 5_500.0
"""A bandwidth below is a telephone's, or a file that was once of 8 or 11 kHz."""

HALF = 0.5
"""Of the recording: more silence, or more zeros, than this is worth a word."""


KINDS = (
    *("header", "not_finite", "silent", "clipped", "quiet", "too_loud", "offset", "gaps", "silence", "cancelled"),
    *("inverted", "same", "dead_channel", "narrow", "band", "pyannote"),
)


@dataclass(frozen=True)
class Remark:
    """One thing to say.

    Attributes
    ----------
    kind : what a program goes by, one of `KINDS`
    severity : `warning` or `note`
    says : half a sentence
    """

    kind: str
    severity: str
    says: str


def remarks_of(facts: Facts, length: Length | None = None) -> tuple[Remark, ...]:
    """Everything there is to say, warnings first.

    Parameters
    ----------
    facts : of the samples
    length : what the header declares
    """
    found = _of_header(length)
    if facts.samples:
        found += [*_of_levels(facts), *_of_channels(facts), *_of_band(facts)]
    return tuple(sorted(found, key=lambda remark: remark.severity != WARNING))


def in_one_line(remarks: tuple[Remark, ...]) -> str:
    """All warnings, apart by semicolons; empty where there is none."""
    return "; ".join(remark.says for remark in remarks if remark.severity == WARNING)


def _of_header(length: Length | None) -> list[Remark]:
    if length is None:
        return []
    if length.declared is None:
        words = "its header declares no samples" if length.mended else "its header leaves the length open"
        return [Remark("header", NOTE, f"{words}, as when it was written into a pipe; all that follow are read")]
    if not length.mended:
        return []
    said = f"its header declares {length.declared:,} {length.unit}, {length.there:,} follow"
    if length.truncated:
        return [Remark("header", WARNING, f"{said}: was it cut off?")]
    return [Remark("header", NOTE, f"{said}; all of them are read")]


def _of_levels(facts: Facts) -> list[Remark]:
    found = []
    if bad := sum(channel.not_finite for channel in facts.channels):
        found.append(Remark("not_finite", WARNING, f"{bad:,} samples are NaN or infinite"))
    if facts.mean_db <= LOWEST_DB and max(channel.db for channel in facts.channels) <= LOWEST_DB:
        return [*found, Remark("silent", WARNING, "all samples are zero")]
    if facts.clipped > CLIPPED_SHARE:
        found.append(Remark("clipped", WARNING, f"{_percent(facts.clipped)} of the samples are cut off at full scale"))
    if facts.mean_db < QUIET_DB and facts.cancelled_db < CANCELLED_DB:
        found.append(Remark("quiet", WARNING, f"very quiet, {facts.mean_db:.0f} dBFS"))
    peak = max(channel.peak for channel in facts.channels)
    if peak > 1.0:
        found.append(Remark("too_loud", NOTE, f"samples reach {peak:.3g} full scales; they are taken as they are"))
    if (offset := max(abs(channel.offset) for channel in facts.channels)) > OFFSET:
        found.append(Remark("offset", NOTE, f"a constant of {offset:.3f} full scales lies under the sound"))
    if facts.gap_seconds:
        words = f"{facts.gaps} gaps of zeros, {facts.gap_seconds:.2f} s together, the longest {facts.longest_gap:.2f} s"
        much = facts.gap_seconds > HALF * facts.seconds
        found.append(Remark("gaps", WARNING if much else NOTE, words.replace("1 gaps", "1 gap")))
    if facts.silent_seconds > HALF * facts.seconds:
        found.append(Remark("silence", NOTE, f"{facts.silent_seconds} of {facts.seconds:.0f} s are silence"))
    return found


def _of_channels(facts: Facts) -> list[Remark]:
    found = []
    if facts.cancelled_db > CANCELLED_DB:
        found.append(
            Remark(
                "cancelled",
                WARNING,
                f"its channels cancel each other: their mean, which is heard, is {_fall(facts)} below them; "
                "--channel 0 takes the first",
            )
        )
    found += [Remark("inverted", NOTE, f"channel {two} is channel {one} upside down") for one, two in facts.inverted]
    found += [Remark("same", NOTE, f"channels {one} and {two} are the same") for one, two in facts.same]
    loud = [channel.db > LOWEST_DB for channel in facts.channels]
    if any(loud):
        found += [
            Remark("dead_channel", NOTE, f"channel {number} is silent, so the mean is that much quieter")
            for number, sounds in enumerate(loud)
            if not sounds
        ]
    return found


def _of_band(facts: Facts) -> list[Remark]:
    if facts.bandwidth is None:
        return []
    words = f"holds nothing above {facts.bandwidth / 1000:.1f} kHz of {facts.sample_rate / 2000:g}"
    if facts.bandwidth < TELEPHONE_HZ and facts.sample_rate > 2 * TELEPHONE_HZ:
        return [Remark("narrow", WARNING, f"{words}: it was once a telephone's or of a lower rate")]
    return [Remark("band", NOTE, f"{words}: it was compressed, or once of a lower rate")]


def _fall(facts: Facts) -> str:
    return "infinitely far" if facts.mean_db <= LOWEST_DB else f"{facts.cancelled_db:.0f} dB"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"

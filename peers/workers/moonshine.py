"""The diarizer inside moonshine-voice's transcriber, with the model that its wheel carries.

Source: `Transcriber.transcribe_without_streaming` and `SpeakerSpan` of moonshine_voice 0.0.73. A span belongs to a line
of transcript, so it is cut where a line ends: turns are what the diarizer says, inside what the voice detector and the
transcriber take for lines. Options are passed on to the transcriber as they are.
"""

from __future__ import annotations

from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_model_path

from peers.workers.protocol import Diarizer, serve

MODEL = "tiny-en"


def load(request: dict) -> Diarizer:
    """Load the transcriber; it has no option for threads."""
    transcriber = Transcriber(get_model_path(MODEL), ModelArch.TINY, options=request["options"])

    def diarize(samples: list[float]) -> list[tuple[float, float, int]]:
        lines = transcriber.transcribe_without_streaming(samples, 16000).lines
        spans = [span for line in lines for span in line.speaker_spans or []]
        return [(span.start_time, span.start_time + span.duration, span.speaker_index) for span in spans]

    return diarize


if __name__ == "__main__":
    serve(load)

"""In which form is an answer handed on?

`diarization` is what the pipeline returns: who speaks when, and a voice per speaker. `forms` writes it as RTTM, JSON,
CSV, SRT, TextGrid or Audacity's labels; `voices` writes the embeddings of several recordings into one file.
"""

from __future__ import annotations

from parity.answers.diarization import Diarization
from parity.answers.forms import FORMS, Form, as_text, check_name, recording_name
from parity.answers.voices import write_voices

__all__ = ["FORMS", "Diarization", "Form", "as_text", "check_name", "recording_name", "write_voices"]

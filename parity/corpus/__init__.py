"""How often does the answer change, on which recordings, and is it as good as the reference's?

`manifest` says which recordings a corpus has, and `hypothesis` is what one side answered to one of them; `made` makes
a corpus that anyone can have. Words: a *side* is whoever answers, a *hypothesis* its answer to one recording.
"""

from __future__ import annotations

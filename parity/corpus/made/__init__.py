"""A corpus that anyone can make: seeded conversations from the pinned sources' voices, the same bytes everywhere.

`voices` cuts the voices out of the sources, `conversation` decides who speaks when, `mixing` turns that into samples,
`making` writes the folder; `integers` is the arithmetic under it. Synthetic mixtures: they tell whether two
implementations agree, never how accurate one is on real recordings.
"""

from __future__ import annotations

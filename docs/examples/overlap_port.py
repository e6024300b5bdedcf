"""A port of one stage with a common mistake in it: embeddings pooled over frames in which somebody else speaks too.

`parity run --implementation overlap_port:stages`, from this folder, replays the pipeline with it; the picture of the
README is that run (`docs/make_picture.py`).
"""

from __future__ import annotations

import numpy as np


def masks(segmentations: np.ndarray) -> np.ndarray:
    """The mask of every speaker in every chunk; the reference leaves frames with overlap out.

    Parameters
    ----------
    segmentations : (num_chunks, 589, 3) float32, 0 or 1

    Returns
    -------
    masks : (num_chunks, 3, 589) float32, 0 or 1
    """
    return np.ascontiguousarray(segmentations.transpose(0, 2, 1))


stages = {"masks": masks}

"""The official weights from the hub, for a user whose token may fetch them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files.whole import cache_dir

REPOSITORY = "pyannote/speaker-diarization-community-1"
FILES = (
    "config.yaml",
    "segmentation/pytorch_model.bin",
    "embedding/pytorch_model.bin",
    "plda/xvec_transform.npz",
    "plda/plda.npz",
)


def prepare(revision: str | None = None) -> Path:
    """Download the official repository's five files into the cache; the folder that holds them.

    The token comes from the environment (`HF_TOKEN`) or from `huggingface_hub`'s own login.

    Raises
    ------
    InputError : no network, no token, or the repository's conditions have not been accepted
    """
    # Imported here: it takes a third of a second, and only this source needs it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    # The bases of the hub's error: its HTTP client's own, which a broken connection raises, and OSError.
    failures: Any = (*HfHubHTTPError.__bases__, LocalEntryNotFoundError)
    folder = cache_dir() / "weights" / "hub"
    try:
        return Path(
            snapshot_download(
                REPOSITORY,
                revision=revision,
                allow_patterns=list(FILES),
                cache_dir=folder,
                token=os.environ.get("HF_TOKEN"),
            )
        )
    except failures as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(
            f"--weights hub: {REPOSITORY} could not be fetched ({reason}); it needs the network and, where the "
            f"repository is gated, its conditions accepted and a token in HF_TOKEN"
        ) from error

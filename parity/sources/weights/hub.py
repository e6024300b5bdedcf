"""The official weights from the hub, for a user whose token may fetch them: one commit, its files by their hashes.

The commit and the hashes are not our own reading, for the repository is gated: they stand, the same five beside the
same commit, in a score of public projects that fetched it. What could be checked without a token was: the PLDA's arrays
of the wheel, written by `numpy.savez`, take 134,376 and 133,852 bytes, as many as the hub's two archives are said to.
A revision that somebody else pushes is not asked for, and a file that is another is refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from parity.checkout import need
from parity.errors import InputError
from parity.files.whole import cache_dir, check_listed

REPOSITORY = "pyannote/speaker-diarization-community-1"
REVISION = "3533c8cf8e369892e6b79ff1bf80f7b0286a54ee"
FILES = {
    "config.yaml": "5ce2bfa9a938dc132cec1172592d65173cbb8f444ea1e4133f10f9391de155be",
    "segmentation/pytorch_model.bin": "7ad24338d844fb95985486eb1a464e32d229f6d7a03c9abe60f978bacf3f816e",
    "embedding/pytorch_model.bin": "6f10ff60898a1d185fa22e1d11e0bfa8a92efec811f11bca48cb8cafebefd929",
    "plda/xvec_transform.npz": "325f1ce8e48f7e55e9c8aa47e05d2766b7c48c4b25b8de8dd751e7a4cc5fbe8f",
    "plda/plda.npz": "9b77bcd840692710dd3496f62ecfeed8d8e5f002fd991b785079b244eab7d255",
}
"""sha256 of each file of that commit."""


def prepare() -> Path:
    """Download the official repository's five files of one commit into the cache; the folder that holds them.

    What lies in the cache from an earlier time is checked as what comes now is. The token comes from the environment
    (`HF_TOKEN`) or from `huggingface_hub`'s own login.

    Raises
    ------
    InputError : no network, no token, the repository's conditions have not been accepted, or no `huggingface_hub`; a
        file is another
    """
    need("huggingface_hub", "--weights hub")
    # Imported here: it takes a third of a second, and only this source needs it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    # The bases of the hub's error: its HTTP client's own, which a broken connection raises, and OSError.
    failures: Any = (*HfHubHTTPError.__bases__, LocalEntryNotFoundError)
    folder = cache_dir() / "weights" / "hub"
    try:
        place = Path(
            snapshot_download(
                REPOSITORY,
                revision=REVISION,
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
    check_listed(place, FILES, f"--weights hub, which pins commit {REVISION[:12]},")
    return place

"""What the pickle of a checkpoint may name: the plain classes that `torch.save` and Lightning leave around weights.

Nothing is ever called here, whatever a file names. But the same file is handed to torch by `capture`, and by its owner
elsewhere, where every name is imported and every call made. So weights are given out only where all names are known to
be harmless: a list of what may be there, not of what may not, for there is no end to the latter (`functools.partial`,
`torch.hub.load`, a module that acts on import, ...).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from parity.networks.torch_pickle import Global

CLASS = r"_?[A-Z]\w*"
DTYPES = r"(?:u?int|float|bfloat|complex|q?u?int)\d+\w*|bool|half|double|long|short|strided|per_\w+"
HARMLESS = tuple(
    (re.compile(module), re.compile(name))
    for module, name in (
        (r"torch", rf"{CLASS}|{DTYPES}|device|dtype|layout|memory_format"),
        (r"torch\.(?:cuda|storage)", r"\w*Storage"),
        (r"torch\.torch_version", r"TorchVersion"),
        (r"torch\._utils", r"_rebuild_\w+"),
        (r"torch\._tensor", r"_rebuild_from_type_v2"),
        (r"torch\.(?:nn|optim)(?:\.\w+)*", CLASS),
        (r"torch\.distributions(?:\.\w+)*", CLASS),
        (
            r"(?:pytorch_lightning|lightning(?:\.\w+)*|lightning_fabric)(?:\.\w+)*\.(?:callbacks|utilities)(?:\.\w+)*",
            CLASS,
        ),
        (r"pyannote\.audio\.core\.(?:task|model)|pyannote\.core(?:\.\w+)*", CLASS),
        (r"omegaconf(?:\.\w+)*", CLASS),
        (r"collections", r"OrderedDict|defaultdict|Counter|deque"),
        (r"numpy(?:\.core|\._core)?\.multiarray", r"scalar|_reconstruct"),
        (r"numpy(?:\.dtypes)?", r"dtype|ndarray|u?int\d+|float\d+|bool_|[A-Z]\w*DType"),
        (r"pathlib(?:\._local)?", r"(?:Pure)?(?:Posix|Windows)?Path"),
        (r"datetime", r"date|datetime|time|timedelta|timezone"),
        (r"argparse", r"Namespace"),
        (r"typing", CLASS),
        (r"_codecs", r"encode"),
        (
            r"__builtin__|builtins",
            r"bool|bytearray|bytes|complex|dict|float|frozenset|int|list|set|slice|str|tuple|unicode|long|object|range",
        ),
    )
)
"""(modules, names): wholly, both. Constructors of these take values and open, load, run nothing."""


def unknown_calls(named: Iterable[Global]) -> list[str]:
    """Which of the names in a pickle are not known to be harmless, as `module.name`, in the file's order."""
    return [f"{found.module}.{found.name}" for found in named if not _harmless(found)]


def _harmless(found: Global) -> bool:
    return any(module.fullmatch(found.module) and name.fullmatch(found.name) for module, name in HARMLESS)

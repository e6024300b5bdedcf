"""What do the stages run?

`checkpoint.read_checkpoint` reads torch's files without torch; `pyannet.build_pyannet` makes the segmentation network
and `wespeaker.runtime.load_embedding` the embedding network of a checkpoint's arrays; `runtime` runs graphs in ONNX
Runtime with pinned threads; `kept` keeps what was built.

It hands on nothing: the command line's options name runtimes, and `--help` should not load graphs for it.
"""

import os

# ONNX Runtime would look up a host of its maker, and keep files in the user's cache, as soon as it is loaded. Who wants
# that sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

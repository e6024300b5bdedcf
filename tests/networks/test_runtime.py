"""What ONNX Runtime does beside running graphs: nothing."""

from __future__ import annotations

import os
import subprocess
import sys

RUN = """
from onnx import TensorProto, helper
value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
opset = [helper.make_opsetid("", 17)]
from parity.networks.placement import Placement
from parity.networks.runtime import _session
_session(helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString(), 1, Placement())
"""


def test_a_session_leaves_nothing_in_the_users_folders(tmp_path):
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORT_"))}
    done = subprocess.run(
        [sys.executable, "-c", RUN], env={**keep, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

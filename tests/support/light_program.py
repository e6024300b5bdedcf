"""A program that starts at once, for tests: it answers every stage with files prepared in a folder.

    python -S light_program.py ANSWERS [--serve] describe | stage NAME IN OUT | serve

ANSWERS holds `describe.json` and one folder per stage with the files of its answer. It imports nothing but the
standard library.
"""

import json
import shutil
import sys
from pathlib import Path

HERE = Path(sys.argv[1])
FLAGS = [argument for argument in sys.argv[2:] if argument.startswith("--")]
WORDS = [argument for argument in sys.argv[2:] if not argument.startswith("--")]


def description():
    return json.loads((HERE / "describe.json").read_text()) | {"serve": "--serve" in FLAGS}


def answer(stage, into, out):
    print(f"asked for {stage}", file=sys.stderr, flush=True)
    with (HERE / "asked").open("a") as file:
        file.write(stage + "\n")
    for path in (HERE / stage).iterdir():
        shutil.copyfile(path, Path(out) / path.name)


def serve(run):
    for line in sys.stdin:
        request = json.loads(line)
        said = {"id": request["id"], "ok": True}
        if request["request"] == "describe":
            said["describe"] = description()
        else:
            run(request["stage"], request["in"], request["out"])
        print(json.dumps(said), flush=True)


def main(run=answer):
    if WORDS[0] == "describe":
        print(json.dumps(description()))
    elif WORDS[0] == "serve":
        serve(run)
    else:
        run(*WORDS[1:])


if __name__ == "__main__":
    main()

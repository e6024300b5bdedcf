"""A light program that misbehaves in the way it is told to, in one stage or while it says what it is.

    python -S misbehaving.py ANSWERS [--serve] --KIND describe | stage NAME IN OUT | serve

A kind is a function below, by its name: those that begin with `describe_` print something else than a description,
those that begin with `served_` are a server of their own, all others take the place of the answer of a stage.
"""

import array
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from light_program import FLAGS, HERE, WORDS, answer, description, main

KIND = next(flag[2:] for flag in FLAGS if flag != "--serve")
FOREVER = 1000


def right(stage, into, out):
    answer(stage, into, out)


def written(stage, out):
    """The first file of the right answer, which is written first."""
    answer(stage, "", out)
    return sorted(Path(out).iterdir())[0]


def npy(path, words, data=b"", size=None):
    """An .npy file with a header as given."""
    header = (words + " " * 200)[: 117 if size is None else size] + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data)


def shaped(path, shape, dtype="|i1", data=None):
    count = 1
    for length in shape:
        count *= length
    data = bytes(count) if data is None else data
    npy(path, f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}", data)


# how it ends


def exits_3(stage, into, out):
    print("first\nsecond\nno model at ./weights.bin", file=sys.stderr, flush=True)
    os._exit(3)


def exits_silently(stage, into, out):
    os._exit(1)


def exits_127(stage, into, out):
    os._exit(127)


def segfaults(stage, into, out):
    ctypes.string_at(0)


def aborts(stage, into, out):
    print("assertion failed: clusters < 4", file=sys.stderr, flush=True)
    os.abort()


def is_killed(stage, into, out):
    os.kill(os.getpid(), signal.SIGKILL)


def raises(stage, into, out):
    raise ValueError("shapes (3, 4) and (5,)\nnot aligned")


def writes_then_fails(stage, into, out):
    answer(stage, into, out)
    os._exit(1)


# how it does not end


def hangs(stage, into, out):
    print("loading", file=sys.stderr, flush=True)
    time.sleep(FOREVER)


def hangs_and_says_so(stage, into, out):
    (HERE / "hangs").touch()
    time.sleep(FOREVER)


def hangs_and_will_not_be_told(stage, into, out):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(FOREVER)


def hangs_with_a_child(stage, into, out):
    subprocess.run([sys.executable, "-S", "-c", f"import time; time.sleep({FOREVER})"], check=False)


def floods_its_log(stage, into, out):
    while True:
        sys.stderr.write("x" * 10000 + "\n")


def floods_standard_output(stage, into, out):
    while True:
        sys.stdout.write("x" * 10000 + "\n")


# what it leaves running


def leaves_a_child(stage, into, out):
    subprocess.Popen([sys.executable, "-S", "-c", f"import time; time.sleep({FOREVER}) # {HERE}"])
    answer(stage, into, out)


def leaves_a_daemon(stage, into, out):
    command = [sys.executable, "-S", "-c", f"import time; time.sleep({FOREVER}) # {HERE}"]
    subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
    answer(stage, into, out)


# what it writes


def writes_nothing(stage, into, out):
    pass


def writes_one_of_two(stage, into, out):
    written(stage, out).unlink()


def writes_elsewhere(stage, into, out):
    answer(stage, into, into)


def writes_too_much(stage, into, out):
    written(stage, out).with_name("debug.txt").write_text("hello")


def writes_a_folder_too(stage, into, out):
    (written(stage, out).parent / "cache").mkdir()


def writes_json_instead(stage, into, out):
    written(stage, out).rename(Path(out) / "hard_clusters.json")


def other_dtype(stage, into, out):
    shaped(Path(out) / "hard_clusters.npy", (8, 3), "<i8", bytes(8 * 8 * 3))


def floats(stage, into, out):
    shaped(Path(out) / "hard_clusters.npy", (8, 3), "<f4", bytes(4 * 8 * 3))


def objects(stage, into, out):
    shaped(Path(out) / "hard_clusters.npy", (8, 3), "|O", b"pickle")


def text(stage, into, out):
    shaped(Path(out) / "hard_clusters.npy", (8, 3), "<U4", bytes(16 * 8 * 3))


def transposed(stage, into, out):
    shaped(Path(out) / "hard_clusters.npy", (3, 8))


def flat(stage, into, out):
    shaped(Path(out) / "hard_clusters.npy", (24,))


def a_chunk_less(stage, into, out):
    shaped(Path(out) / "hard_clusters.npy", (7, 3))


def not_a_number(stage, into, out):
    path = sorted(Path(HERE, stage).glob("*.npy"))[0]
    data = bytearray(path.read_bytes())
    data[-4:] = array.array("f", [float("nan")]).tobytes()
    answer(stage, into, out)
    (Path(out) / path.name).write_bytes(bytes(data))


def half_a_file(stage, into, out):
    path = written(stage, out)
    path.write_bytes(path.read_bytes()[:-10])


def half_a_header(stage, into, out):
    path = written(stage, out)
    path.write_bytes(path.read_bytes()[:20])


def an_empty_file(stage, into, out):
    written(stage, out).write_bytes(b"")


def more_bytes_than_it_says(stage, into, out):
    path = written(stage, out)
    path.write_bytes(path.read_bytes() + b"more")


def raw_numbers(stage, into, out):
    written(stage, out).write_bytes(bytes(24))


def huge(stage, into, out):
    npy(Path(out) / "hard_clusters.npy", "{'descr': '|i1', 'fortran_order': False, 'shape': (4000000000, 3), }")


def a_link(stage, into, out):
    (Path(out) / "hard_clusters.npy").symlink_to(HERE / stage / "hard_clusters.npy")


def a_pipe(stage, into, out):
    os.mkfifo(Path(out) / "hard_clusters.npy")


def an_old_file(stage, into, out):
    os.utime(written(stage, out), (1e9, 1e9))


def removes_out(stage, into, out):
    written(stage, out).unlink()
    Path(out).rmdir()


def out_is_a_file(stage, into, out):
    Path(out).rmdir()
    Path(out).write_text("hard clusters")


def locks_its_folders(stage, into, out):
    (Path(out) / "deep").mkdir()
    (Path(out) / "deep" / "er").mkdir()
    for folder in (Path(out) / "deep", Path(out)):
        folder.chmod(0)


def turns_that_are_none(stage, into, out):
    written(stage, out).write_text("SPEAKER clip 1 zero 1.0 <NA> <NA> A <NA> <NA>\n")


def turns_backwards(stage, into, out):
    written(stage, out).write_text("SPEAKER clip 1 3.0 -1.0 <NA> <NA> A <NA> <NA>\n")


def log_is_binary(stage, into, out):
    sys.stderr.buffer.write(b"\xff\xfe\x00\x1b[31mred\x1b[0m\x07\r\n\n")
    sys.stderr.flush()
    os._exit(3)


def log_is_one_long_line(stage, into, out):
    sys.stderr.write("y" * 100000)
    sys.stderr.flush()
    os._exit(3)


# servers


def requests():
    for line in sys.stdin:
        request = json.loads(line)
        yield request, {"id": request["id"], "ok": True}


def served(request):
    answer(request["stage"], request["in"], request["out"])


def say(what):
    print(what if isinstance(what, str) else json.dumps(what), flush=True)


def served_prints_before_its_answer():
    for request, ok in requests():
        served(request)
        say("INFO loaded 3 clusters")
        say(ok)


def served_prints_after_its_answer():
    for request, ok in requests():
        served(request)
        sys.stdout.write(json.dumps(ok) + "\nINFO done\n")
        sys.stdout.flush()


def served_answers_twice():
    for request, ok in requests():
        served(request)
        sys.stdout.write(2 * (json.dumps(ok) + "\n"))
        sys.stdout.flush()


def served_answers_the_request_before():
    for request, ok in requests():
        served(request)
        say(ok | {"id": ok["id"] - 1})


def served_has_no_id():
    for request, _ in requests():
        served(request)
        say({"ok": True})


def served_has_no_ok():
    for request, ok in requests():
        served(request)
        say({"id": ok["id"], "done": True})


def served_a_list():
    for request, ok in requests():
        served(request)
        say([ok])


def served_refuses():
    for _, ok in requests():
        say(ok | {"ok": False, "error": "no such stage\nin this build"})


def served_refuses_without_a_word():
    for _, ok in requests():
        say(ok | {"ok": False})


def served_answers_before_it_writes():
    for _, ok in requests():
        say(ok)
        time.sleep(FOREVER)


def served_writes_where_it_wrote_last():
    first = None
    for request, ok in requests():
        first = first or request
        answer(request["stage"], "", first["out"]) if Path(first["out"]).exists() else None
        say(ok)


def served_dies():
    for _ in requests():
        print("out of memory", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)


def served_dies_once():
    for request, ok in requests():
        if not (HERE / "died").exists():
            (HERE / "died").touch()
            os._exit(3)
        served(request)
        say(ok)


def served_leaves():
    for _ in requests():
        return


def served_leaves_at_once():
    return


def served_hangs():
    for _ in requests():
        time.sleep(FOREVER)


def served_half_an_answer():
    for _, ok in requests():
        sys.stdout.write(json.dumps(ok)[:-3])
        sys.stdout.flush()
        time.sleep(FOREVER)


def served_no_end_of_line():
    for _ in requests():
        while True:
            sys.stdout.write("x" * 10000)


def served_closes_its_output():
    for _ in requests():
        os.close(1)
        time.sleep(FOREVER)


def served_does_not_listen():
    time.sleep(FOREVER)


def served_stays():
    for request, ok in requests():
        served(request)
        say(ok)
    time.sleep(FOREVER)


# what it says of itself


def describe_nothing():
    pass


def describe_in_words():
    print("my_port 1.0\nusage: my_port [--help]")


def describe_twice():
    print(json.dumps(description()) * 2)


def describe_a_list():
    print(json.dumps([description()]))


def describe_in_latin_1():
    sys.stdout.buffer.write('{"name": "k\xfcnstler"}'.encode("latin-1"))


def describe_without_stages():
    print(json.dumps({key: value for key, value in description().items() if key != "stages"}))


def describe_no_stage():
    print(json.dumps(description() | {"stages": []}))


def describe_another_protocol():
    print(json.dumps(description() | {"protocol": 2}))


def describe_an_unknown_stage():
    print(json.dumps(description() | {"stages": ["assignment", "clustering"]}))


def describe_a_stage_twice():
    print(json.dumps(description() | {"stages": ["assignment", "assignment"]}))


def describe_another_pipeline():
    print(json.dumps(description() | {"pipeline": "sortformer"}))


def describe_another_format():
    print(json.dumps(description() | {"formats": ["npy", "hdf5"]}))


def describe_yes():
    print(json.dumps(description() | {"serve": "yes"}))


def describe_a_name_of_two_lines():
    print(json.dumps(description() | {"name": "my\nport"}))


def describe_exits_3():
    print("no licence", file=sys.stderr, flush=True)
    os._exit(3)


def describe_segfaults():
    ctypes.string_at(0)


def describe_hangs():
    time.sleep(FOREVER)


def describe_floods():
    while True:
        sys.stdout.write("x" * 10000)


if __name__ == "__main__":
    run = globals()[KIND]
    if KIND.startswith("describe_") or (KIND.startswith("served_") and WORDS[0] == "serve"):
        run()
    else:
        main(answer if KIND.startswith("served_") else run)

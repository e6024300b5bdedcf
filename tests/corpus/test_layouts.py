"""Folders of corpora become manifests, in whatever layout they come."""

import gzip
import re

import pytest
from support.command_line import here
from support.corpora import line

from parity.corpus.layouts import rows_of
from parity.corpus.lhotse import read_lhotse
from parity.corpus.manifest import read_manifest
from parity.errors import InputError

LAYOUTS = {
    "ami": {
        "amicorpus/ES1/audio/ES1.Mix-Headset.wav": "", "rttms/train/ES1.rttm": line("ES1", 0, 1),
        "uems/train/ES1.uem": "ES1 1 0 9\n",
    },
    "voxconverse": {"audio/ES1.wav": "", "dev/ES1.rttm": line("ES1", 0, 1), "all.uem": "ES1 1 0 9\nES2 1 0 9\n"},
    "dihard": {"data/flac/ES1.flac": "", "data/rttm/ES1.rttm": line("ES1", 0, 1), "data/uem/ES1.uem": "ES1 1 0 9\n"},
    "callhome": {"audio/ES1.wav": "", "ref.rttm": line("ES0", 0, 1) + line("ES1", 0, 1), "ref.uem": "ES1 1 0 9\n"},
}  # fmt: skip


def laid(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_read_by_the_names_of_their_files(tmp_path, layout):
    folder = laid(tmp_path / layout, LAYOUTS[layout])
    said = here("corpus", "manifest", folder, tmp_path / "corpus.csv")
    assert said.returncode == 0 and "1 recordings, 1 with an RTTM" in said.stdout
    (entry,) = read_manifest(tmp_path / "corpus.csv")
    assert (entry.recording, entry.dataset) == ("ES1", layout)
    assert entry.human_rttm.suffix == ".rttm" and entry.uem.suffix == ".uem"
    assert str(folder) not in (tmp_path / "corpus.csv").read_text()


def test_all_that_is_wrong_with_a_folder_is_said_at_once(tmp_path):
    laid(tmp_path, {"a/x.wav": "", "b/x.wav": "", "-y.wav": ""})
    with pytest.raises(InputError) as error:
        rows_of(tmp_path)
    said = str(error.value)
    assert "3 things are wrong" in said and "is x too" in said and "makes no name" in said and "no RTTM" in said


def test_a_folder_without_audio_is_none(tmp_path):
    with pytest.raises(InputError, match="no audio in it"):
        rows_of(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        rows_of(tmp_path / "none")


# Lhotse's manifests, as lhotse 1.33.0 wrote them with `to_file`

RECORDINGS = """\
{"id": "one", "sources": [{"type": "file", "channels": [0], "source": "one.wav"}], "sampling_rate": 16000, \
"num_samples": 64000, "duration": 4.0, "channel_ids": [0]}
{"id": "two", "sources": [{"type": "file", "channels": [0], "source": "two.wav"}], "sampling_rate": 8000, \
"num_samples": 32000, "duration": 4.0, "channel_ids": [0]}
"""
SUPERVISIONS = """\
{"id": "one-0", "recording_id": "one", "start": 0.5, "duration": 1.25, "channel": 0, "text": "hello", "speaker": "ann"}
{"id": "one-1", "recording_id": "one", "start": 2.0, "duration": 1.0005, "channel": 0, "speaker": "bob smith"}
"""


def lhotse(folder, recordings=RECORDINGS, supervisions=SUPERVISIONS, pack=lambda text: text.encode(), ending=""):
    folder.mkdir()
    for name in ("one.wav", "two.wav"):
        (folder / name).write_text("")
    (folder / f"recordings.jsonl{ending}").write_bytes(pack(recordings))
    (folder / f"supervisions.jsonl{ending}").write_bytes(pack(supervisions))
    return folder / f"recordings.jsonl{ending}"


@pytest.mark.parametrize("ending, pack", [("", str.encode), (".gz", lambda text: gzip.compress(text.encode()))])
def test_lhotses_manifests_become_a_manifest_and_rttm_files(tmp_path, ending, pack):
    path = lhotse(tmp_path / "set", pack=pack, ending=ending)
    said = here("corpus", "manifest", path, tmp_path / "corpus.csv")
    assert said.returncode == 0 and "2 recordings, 2 with an RTTM" in said.stdout
    one, two = read_manifest(tmp_path / "corpus.csv")
    assert (one.dataset, one.audio.name, two.human_rttm.read_text()) == ("set", "one.wav", "")
    assert one.human_rttm.read_text() == line("one", 0.5, 1.25, "ann") + line("one", 2.0, 1.0005, "bob_smith")
    again = here("corpus", "manifest", path, tmp_path / "corpus.csv")
    assert again.returncode == 2 and "corpus-rttm: exists already" in again.stderr


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"recordings": RECORDINGS.replace("one.wav", "gone.wav")}, "line 1: no such file: gone.wav"),
        ({"recordings": RECORDINGS.replace('"file"', '"command"')}, "line 2: its sources are not one file"),
        ({"recordings": RECORDINGS.replace('"two"', '"one"')}, "line 2: one is there already"),
        ({"recordings": RECORDINGS.replace('"channel_ids"', '"transforms": [{"name": "Speed"}], "x"')}, "transforms"),
        ({"recordings": "[1]\n"}, "line 1 is no object"),
        ({"supervisions": SUPERVISIONS.replace('"ann"', "null")}, "supervisions.jsonl line 1: nobody is its speaker"),
        ({"supervisions": SUPERVISIONS.replace("1.25", "-1")}, "duration -1 are no part"),
        ({"supervisions": SUPERVISIONS.replace('"one",', '"three",')}, "recording_id 'three' is none"),
        ({"pack": lambda text: gzip.compress(text.encode())[:-9], "ending": ".gz"}, "cannot be read as a manifest"),
    ],
)
def test_what_lhotses_manifests_say_beyond_whole_files_is_refused(tmp_path, changed, said):
    path = lhotse(tmp_path / "set", **changed)
    with pytest.raises(InputError, match=re.escape(said)):
        read_lhotse(path, path.with_name(path.name.replace("recordings", "supervisions")))

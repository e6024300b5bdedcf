"""Folders of corpora become manifests, in whatever layout they come."""

import pytest
from support.command_line import here
from support.corpora import line

from parity.corpus.layouts import rows_of
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

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from parity.audio.reading import SAMPLE_RATE, load_clip
from parity.errors import InputError
from parity.files.whole import cache_dir, parse_toml, sha256_file
from parity.fixtures import catalogue as fixtures
from parity.fixtures.catalogue import Catalogue, add_fixture

REPOSITORY = Path(__file__).resolve().parent.parent / "fixtures"

# Seconds, human turns, voices; 494 s is fourteen excerpts, sample and two_cities.
FOURTEEN = {
    "01_far_field_pair": (30.0000625, 2, 2),
    "02_pyannote_sample": (30.0, 10, 2),
    "03_sparse_speech": (30.0000625, 7, 3),
    "04_three_voices": (30.0000625, 6, 3),
    "05_meeting_overlap": (30.0000625, 22, 4),
    "06_long_mixture": (494.375, 131, 29),
    "07_monologue": (44.374125, None, None),
    "08_known_count": (30.0000625, 16, 4),
    "09_telephone": (30.0, 10, 2),
    "10_summed_overlap": (30.0000625, 32, 6),
    "11_quiet": (30.0000625, 1, 1),
    "12_many_voices": (180.426, None, 23),
    "13_no_speech": (30.0000625, 6, 4),
    "14_partial_tail": (20.3, 7, 3),
}

HASH = "0" * 64
ROW = f"""
[[fixture]]
name = "one"
recipe = "excerpt"
arguments = {{ source = "sample" }}
stresses = "nothing"
clip_sha256 = "{HASH}"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "catalogue.toml").write_text("# a remark\n" + ROW, encoding="utf-8")
    return tmp_path


def refusal(call, *arguments, **keywords) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def parse(text: str) -> Catalogue:
    return Catalogue.parse(text, Path("f/catalogue.toml"))


# the repository's own catalogue


def test_the_catalogue_has_the_fourteen():
    catalogue = Catalogue.read(REPOSITORY)
    assert catalogue.names[:14] == tuple(FOURTEEN)
    assert catalogue.select(["08_known_count"])[0].speakers == {"num_speakers": 4}
    assert all(fixture.speakers == {} for fixture in catalogue.fixtures[:14] if fixture.name != "08_known_count")
    assert all(fixture.snapshot_folder == REPOSITORY / fixture.name for fixture in catalogue.fixtures)


@pytest.fixture
def fresh_cache(monkeypatch, tmp_path):
    """A cache in which nothing but the downloaded sources is there."""
    kept = cache_dir() / "sources"
    kept.mkdir(parents=True, exist_ok=True)
    (tmp_path / "sources").symlink_to(kept, target_is_directory=True)
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.models
@pytest.mark.parametrize("name", FOURTEEN)
def test_a_clip_comes_out_as_pinned(fresh_cache, name):
    fixture = Catalogue.read(REPOSITORY).select([name])[0]
    seconds, turns, voices = FOURTEEN[name]
    path = fixture.clip()
    assert fresh_cache in path.parents and sha256_file(path) == fixture.clip_sha256
    assert load_clip(path).shape == (1, round(seconds * SAMPLE_RATE))
    human = fixture.human_turns()
    assert (human is None) == (fixture.human_spans() is None) == (voices is None)
    if human is not None:
        assert len({turn.speaker for turn in human}) == voices
        assert turns in (None, len(human))
        assert all(0 <= turn.start < turn.end <= seconds + 1e-9 for turn in human)


@pytest.mark.models
def test_every_voice_of_the_splice_comes_back(fresh_cache):
    turns = Catalogue.read(REPOSITORY).select(["12_many_voices"])[0].human_turns()
    times: dict[str, list[float]] = {}
    for before, turn in zip((None, *turns), turns):
        if before is None or before.speaker != turn.speaker:
            times.setdefault(turn.speaker, []).append(turn.start)
    assert {len(starts) for starts in times.values()} == {3}
    assert "reader" in times and "speaker90" in times and "speaker91" in times


@pytest.mark.models
def test_the_long_mixture_leaves_out_the_reader_whom_nobody_annotated(fresh_cache):
    fixture = Catalogue.read(REPOSITORY).select(["06_long_mixture"])[0]
    spans = fixture.human_spans()
    assert len(spans) == 15 and spans[-1][1] == pytest.approx(494.375 - 44.374125)


# reading


def test_an_entry_is_read_with_its_defaults(folder):
    (fixture,) = Catalogue.read(folder).fixtures
    assert (fixture.name, fixture.recipe, dict(fixture.arguments)) == ("one", "excerpt", {"source": "sample"})
    assert fixture.speakers == {} and fixture.human_turns() is None and fixture.human_spans() is None
    assert hash(fixture) == hash(Catalogue.read(folder).fixtures[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "lists no fixtures"),
        ("fixture = 3", "lists no fixtures"),
        ("[[fixture", "not TOML"),
        ("fixtures = 3\n" + ROW, "key 'fixtures' is not known"),
        (
            ROW + 'speakers = 2\ncolour = "red"\n',
            "fixture 'one': key 'speakers', 'colour' is not known; known are name",
        ),
        ('[[fixture]]\nname = "one"\n', "fixture 'one': key 'recipe', 'stresses', 'clip_sha256' is missing"),
        ("[[fixture]]\n", "fixture number 1: key 'name'"),
        (ROW + ROW + ROW.replace("one", "two") * 2, "name 'one', 'two' is used more than once"),
        (ROW.replace('"one"', '"../one"'), "name = '../one' should be"),
        (ROW.replace('"one"', "1"), "name = 1 should be a text"),
        (ROW.replace(HASH, "0" * 63), "should be 64 hexadecimal digits"),
        (ROW.replace('"excerpt"', '"exerpt"'), "fixture 'one': recipe = 'exerpt' is not known"),
        (ROW.replace('{ source = "sample" }', "3"), "arguments = 3 should be a table"),
        (ROW + "num_speakers = 0\n", "fixture 'one': num_speakers = 0 should be a whole number"),
        (ROW + "num_speakers = true\n", "num_speakers = True should be a whole number"),
        (ROW + "num_speakers = 2\nmax_speakers = 2\n", "num_speakers says it all"),
        (ROW + "min_speakers = 3\nmax_speakers = 2\n", "min_speakers = 3 is above max_speakers = 2"),
        (ROW + 'human_rttm = "yes"\n', "human_rttm = 'yes' should be true or false"),
        (ROW.replace("excerpt", "file"), "recipe 'file' takes no arguments"),
    ],
)
def test_a_catalogue_that_is_wrong_is_refused(text, expected):
    message = refusal(parse, text)
    assert message.startswith(f"{Path('f/catalogue.toml')}: ") and expected in message


def test_bounds_are_read():
    (fixture,) = parse(ROW + "min_speakers = 2\nmax_speakers = 2\n").fixtures
    assert fixture.speakers == {"min_speakers": 2, "max_speakers": 2}


def test_a_folder_without_a_catalogue_is_refused(tmp_path):
    assert "there is no such catalogue" in refusal(Catalogue.read, tmp_path)


def test_a_catalogue_that_is_not_text_is_refused(folder):
    (folder / "catalogue.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in refusal(Catalogue.read, folder)


def test_all_unknown_names_are_reported_with_the_known_ones():
    catalogue = parse(ROW + ROW.replace("one", "two"))
    message = refusal(catalogue.select, ["three", "one", "four", "three"])
    assert message.startswith("unknown fixture 'three', 'four'; ") and message.endswith("knows one, two")


def test_a_selection_is_in_order_and_none_is_all():
    catalogue = parse(ROW + ROW.replace("one", "two"))
    assert [fixture.name for fixture in catalogue.select(["two", "one", "two"])] == ["one", "two"]
    assert catalogue.select() == catalogue.fixtures


def test_the_default_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("PARITY_FIXTURES", raising=False)
    assert fixtures.default_folder() == REPOSITORY
    monkeypatch.setenv("PARITY_FIXTURES", str(tmp_path))
    assert fixtures.default_folder() == tmp_path
    monkeypatch.delenv("PARITY_FIXTURES")
    monkeypatch.setattr(fixtures, "__file__", str(tmp_path / "site-packages" / "parity" / "fixtures.py"))
    assert fixtures.default_folder() == Path("fixtures")


# a user's own


@pytest.fixture
def stereo(tmp_path):
    path = tmp_path / 'my "ñ" talk.flac'
    soundfile.write(path, np.full((44_100, 2), [0.5, 0.25]), 44_100, subtype="PCM_24")
    return path


def test_any_audio_becomes_a_fixture(folder, stereo):
    added = add_fixture(folder, "mine", stereo, min_speakers=1, max_speakers=3)
    catalogue = Catalogue.read(folder)
    assert catalogue.names == ("one", "mine") and catalogue.select(["mine"]) == (added,)
    assert added.speakers == {"min_speakers": 1, "max_speakers": 3} and 'my "ñ" talk.flac' in added.stresses
    assert added.clip() == folder / "mine" / "clip.wav"
    waveform = load_clip(added.clip())
    assert waveform.shape == (1, 16_000) and waveform[0, 8_000] == pytest.approx(0.375, abs=1e-3)
    assert (folder / "catalogue.toml").read_text(encoding="utf-8").startswith("# a remark\n" + ROW)


def test_a_second_one_goes_behind_the_first(folder, stereo):
    add_fixture(folder, "mine", stereo)
    add_fixture(folder, "mine_too", stereo, num_speakers=2)
    assert Catalogue.read(folder).names == ("one", "mine", "mine_too")


@pytest.mark.parametrize(
    ("name", "keywords", "expected"),
    [
        ("one", {}, "fixture 'one' is there already"),
        ("My Talk", {}, "name = 'My Talk' should be"),
        ("", {}, "name = '' should be"),
        ("mine", {"num_speakers": 0}, "num_speakers = 0 should be"),
        ("mine", {"min_speakers": 3, "max_speakers": 2}, "is above"),
    ],
)
def test_what_cannot_be_added_leaves_nothing_behind(folder, stereo, name, keywords, expected):
    before = sorted(folder.rglob("*")), (folder / "catalogue.toml").read_bytes()
    assert expected in refusal(add_fixture, folder, name, stereo, **keywords)
    assert before == (sorted(folder.rglob("*")), (folder / "catalogue.toml").read_bytes())


def test_audio_that_cannot_be_used_leaves_nothing_behind(folder):
    soundfile.write(folder / "short.wav", np.zeros(160), 16_000)
    before = sorted(folder.rglob("*"))
    assert "0.01 s long" in refusal(add_fixture, folder, "mine", folder / "short.wav")
    assert before == sorted(folder.rglob("*"))


def test_a_folder_that_is_there_already_is_not_touched(folder, stereo):
    (folder / "mine").mkdir()
    (folder / "mine" / "notes").touch()
    assert "exists already" in refusal(add_fixture, folder, "mine", stereo)
    assert [path.name for path in (folder / "mine").iterdir()] == ["notes"]
    assert Catalogue.read(folder).names == ("one",)


def test_a_catalogue_that_cannot_be_written_takes_the_clip_back(folder, stereo, monkeypatch):
    def full(path):
        raise InputError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr(fixtures, "writing_file", full)
    assert "No space left" in refusal(add_fixture, folder, "mine", stereo)
    assert not (folder / "mine").exists() and Catalogue.read(folder).names == ("one",)


def test_an_own_clip_that_is_missing_or_altered_is_refused(folder, stereo):
    added = add_fixture(folder, "mine", stereo)
    path = folder / "mine" / "clip.wav"
    path.write_bytes(path.read_bytes()[:-2])
    message = refusal(added.clip)
    assert message.startswith(f"{path}: has sha256 {sha256_file(path)}, the catalogue pins {added.clip_sha256}")
    path.unlink()
    assert "the clip of fixture mine is missing" in refusal(added.clip)


@pytest.mark.parametrize("text", ['a"b\\c', "tab\tnul\0", "del\x7f", "\udcff", "日本 😀"])
def test_any_text_is_quoted_as_toml_reads_it(text):
    read = parse_toml(f"key = {fixtures._quoted(text)}")["key"]
    assert read == text.encode("utf-8", "replace").decode("utf-8")

"""What belongs to a checkout, and how an installed `parity` says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import ROOT

from parity import checkout
from parity.audio.reading import wav_bytes
from parity.commands.completion import complete_fixture
from parity.errors import InputError
from parity.files.documents import parse_toml
from parity.fixtures.catalogue import Catalogue, add_fixture, default_folder
from parity.fixtures.snapshot import read_snapshot
from parity.fixtures.stability import read_stability, write_stability

CLONE = f"git clone {checkout.PROJECT_URL}"
PYPROJECT = parse_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """As from a wheel: nothing beside the package, and an empty folder to be in."""
    monkeypatch.delenv("PARITY_FIXTURES", raising=False)
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "site-packages")
    monkeypatch.setattr(checkout, "SHIPPED", tmp_path / "site-packages" / "parity" / "data" / "fixtures")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_the_wheel_holds_parity_and_nothing_else():
    assert PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["parity"]


def test_name_and_address_are_the_projects():
    assert PYPROJECT["project"]["urls"]["Repository"] == checkout.PROJECT_URL
    assert PYPROJECT["project"]["name"] == checkout.DISTRIBUTION


def test_in_a_checkout_a_command_is_just_that():
    assert checkout.is_checkout() and checkout.in_checkout("nox -s capture") == "nox -s capture"
    assert checkout.or_get_one() == ""


def test_without_one_it_comes_with_the_command_that_brings_one(installed):
    assert checkout.in_checkout("nox -s capture") == f"nox -s capture (in a checkout: {CLONE})"


def test_missing_fixtures_are_said_with_the_command_that_brings_them(installed):
    for ask in (lambda: Catalogue.read(default_folder()), lambda: read_snapshot(default_folder() / "02")):
        with pytest.raises(InputError) as refused:
            ask()
        said = str(refused.value)
        assert "pip install" in said and "PARITY_FIXTURES" in said and "\n" not in said
    assert complete_fixture("0") == []


@pytest.fixture
def shipped(installed):
    """As from a wheel with one fixture in it."""
    folder = checkout.SHIPPED / "14_partial_tail"
    folder.mkdir(parents=True)
    for path in (ROOT / "fixtures" / folder.name).iterdir():
        (folder / path.name).symlink_to(path)
    (entry,) = Catalogue.read(ROOT / "fixtures").select([folder.name])
    row = f'[[fixture]]\nname = "{entry.name}"\nrecipe = "file"\nstresses = "it"\nclip_sha256 = "{entry.clip_sha256}"\n'
    (checkout.SHIPPED / "catalogue.toml").write_text(row, encoding="utf-8")
    return checkout.SHIPPED


def contents(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_a_user_adds_lies_beside_the_wheels_and_not_in_it(shipped, tmp_path):
    before, wav = contents(shipped), tmp_path / "mine.wav"
    wav.write_bytes(wav_bytes(np.zeros((1, 16000), np.int16), 16000))
    for name in ("mine", "mine_too"):
        fixture = add_fixture(default_folder(), name, wav)
        assert fixture.folder == checkout.own_folder() and fixture.clip().read_bytes() == wav.read_bytes()
    assert contents(shipped) == before
    assert Catalogue.read(default_folder()).names == ("14_partial_tail", "mine", "mine_too")
    assert complete_fixture("mi") == ["mine", "mine_too"]
    with pytest.raises(InputError, match="there already"):
        add_fixture(default_folder(), "14_partial_tail", wav)


def test_a_name_that_a_later_wheel_takes_is_said(shipped):
    own = checkout.own_folder()
    own.mkdir(parents=True)
    (own / "catalogue.toml").write_text((shipped / "catalogue.toml").read_text())
    with pytest.raises(InputError, match=r"'14_partial_tail' is taken by .*; rename it"):
        Catalogue.read(default_folder())


def test_a_measurement_of_a_shipped_snapshot_is_kept_with_the_users(shipped):
    folder = shipped / "14_partial_tail"
    found = read_stability(folder)
    before = contents(shipped)
    write_stability(folder, replace(found, seed=found.seed + 1))
    assert read_stability(folder).seed == found.seed + 1 and contents(shipped) == before
    own = checkout.own_folder() / folder.name / "stability.json"
    own.write_text(own.read_text().replace(found.snapshot_sha256, "0" * 64))
    with pytest.raises(InputError, match="stale"):
        read_stability(folder)


def test_layers_of_the_reference_are_recorded_in_a_checkout(installed):
    from parity.fixtures.noise import _cure

    assert CLONE in _cure(checkout.ROOT / "02_pyannote_sample")


def test_a_folder_that_was_named_is_asked_about_instead(tmp_path):
    with pytest.raises(InputError, match=r"is .* a folder of fixtures"):
        Catalogue.read(tmp_path)

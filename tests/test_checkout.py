"""What belongs to a checkout, and how an installed `parity` says so."""

from __future__ import annotations

import pytest
from support import ROOT

from parity import checkout
from parity.commands.completion import complete_fixture
from parity.errors import InputError
from parity.files.documents import parse_toml
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import read_snapshot

CLONE = f"git clone {checkout.PROJECT_URL}"
PYPROJECT = parse_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """As from a wheel: nothing beside the package, and an empty folder to be in."""
    monkeypatch.delenv("PARITY_FIXTURES", raising=False)
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "site-packages")
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
        assert CLONE in str(refused.value) and "\n" not in str(refused.value)
    assert complete_fixture("0") == []


def test_layers_of_the_reference_are_recorded_in_a_checkout(installed):
    from parity.fixtures.noise import _cure

    assert CLONE in _cure(checkout.ROOT / "02_pyannote_sample")


def test_a_folder_that_was_named_is_asked_about_instead(tmp_path):
    with pytest.raises(InputError, match=r"is .* a folder of fixtures"):
        Catalogue.read(tmp_path)

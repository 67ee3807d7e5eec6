"""Kinds are their words, and a kind has a look before it is drawn."""

import json

import pytest

from rnn_dynamics.attractors import AttractorKind
from rnn_dynamics.continuation import BifurcationKind
from rnn_dynamics.plotting.classes import ATTRACTORS
from rnn_dynamics.plotting.parameter_plane import LOOKS
from rnn_dynamics.plotting.special_points import MARKERS


@pytest.mark.parametrize("kind", [*AttractorKind, *BifurcationKind], ids=str)
def test_a_kind_is_its_word(kind: AttractorKind | BifurcationKind) -> None:
    assert kind == kind.value
    assert hash(kind) == hash(kind.value)
    assert repr(kind) == repr(kind.value)
    assert f"{kind}" == kind.value
    assert json.loads(json.dumps([kind])) == [kind.value]
    assert type(kind)(kind.value) is kind


def test_words_in_lines_and_legends() -> None:
    assert [kind.plural for kind in AttractorKind] == [
        "fixed points",
        "continua",
        "cycles",
        "circles",
        "tori",
        "chaotic",
    ]
    assert AttractorKind.CHAOTIC.named(1) == "chaotic set"
    assert AttractorKind.TORUS.named(2) == "tori"
    assert "".join(kind.label for kind in BifurcationKind) == "LPBPPDNSBC"


def test_every_kind_has_a_look_of_its_own() -> None:
    assert set(ATTRACTORS) == set(AttractorKind)
    assert len({(look.marker, look.face) for look in ATTRACTORS.values()}) == len(ATTRACTORS)
    assert set(MARKERS) == set(BifurcationKind)
    assert len({marker for marker, _ in MARKERS.values()}) == len(MARKERS)
    assert set(LOOKS) == {kind for kind in BifurcationKind if kind.continuable}

import pytest

from bam.base.errors import did_you_mean, nearest, unknown


@pytest.mark.parametrize("name", ["grad_cam", "Grad_CAM", "GRAD_CAM", "grad_camm", "Grad-Cam", "GradCAM"])
def test_near_is_what_is_spelt_alike_whatever_the_case(name):
    assert nearest(name, ["random", "grad_cam", "Edges"]) == "grad_cam"


def test_what_is_near_is_asked_for_as_it_is_known():
    assert did_you_mean("edges", ["random", "Edges"]) == "did you mean 'Edges'? "
    assert did_you_mean("edges", ["random", "Edges", "EDGES"]) == "did you mean 'Edges'? "
    assert did_you_mean("zebra", ["random", "Edges"]) == ""


def test_unknown_names_list_what_is_known_but_not_what_else_may_be_meant():
    error = str(unknown("method", "MAP", ["random", "edges"], ["maps"]))
    assert error == "unknown method 'MAP': did you mean 'maps'? known are random, edges"
    assert str(unknown("method", "x", [])) == "unknown method 'x': known are none"

"""Settings with which the methods that ask often take as long as the others."""

import pytest

SMALL = {
    "guided_integrated_gradients": {"samples": 3},
    "sliding_patch_g": {"patch": 100, "stride": 30},
    "lime_g": {"samples": 12, "segments": 6},
    "meaningful_perturbation_g": {"iterations": 3, "cells": 5},
    "sliding_patch": {"patch": 100, "stride": 30},
    "lime": {"samples": 12, "segments": 6},
    "rise": {"samples": 12},
    "kernel_shap": {"samples": 12, "segments": 6},
    "meaningful_perturbation": {"iterations": 3, "cells": 5},
}


@pytest.fixture(scope="session")
def small():
    """From a method's name to such settings; none for those that do not ask often."""
    return lambda name: SMALL.get(name, {})

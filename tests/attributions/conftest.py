"""Settings with which the slow methods take as long as the others."""

import pytest

SMALL = {
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
    """From a method's name to such settings; none for those that are not slow."""
    return lambda name: SMALL.get(name, {})

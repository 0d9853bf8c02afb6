"""Intervals, tests and correlations: numpy and scipy alone."""

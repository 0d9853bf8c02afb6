"""Scores as charts, maps to look at, and the report on a folder of results."""

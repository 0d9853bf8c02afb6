"""Scores as charts, for reports and for papers."""

"""Directions in a layer that stand for a concept (TCAV)."""

"""Pixels that a method calls relevant are changed, and the network is asked again."""

"""Pixels that a method calls relevant are painted anew as another class, and the network is asked again."""

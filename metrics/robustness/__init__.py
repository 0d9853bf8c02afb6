"""How much of a map stays where little else changes."""

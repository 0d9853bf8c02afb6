"""The leaderboard: entries of methods, made, checked and shown on a page."""

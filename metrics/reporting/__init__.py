"""Maps and scores to look at."""

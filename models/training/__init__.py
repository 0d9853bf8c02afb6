"""What classifiers are to learn, how they learn it, and whether they did."""

"""What is written and shown: scores, tables, plots, the environment."""

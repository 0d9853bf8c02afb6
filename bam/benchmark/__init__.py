"""Everything in one command: dataset, networks, metrics, report."""

"""The commands: `python -m bam.build_dataset`, `python -m bam.train`, `python -m bam.metrics`."""

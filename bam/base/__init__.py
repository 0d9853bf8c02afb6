"""What all floors stand on: errors, files, digests, seeds, threads. Imports nothing else of the project."""

from bam.base import load_order  # noqa: F401

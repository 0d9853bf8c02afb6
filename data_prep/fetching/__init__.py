"""Fetching photographs: whole archives, or of COCO single pictures."""

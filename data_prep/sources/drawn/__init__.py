"""Procedurally drawn objects and scenes, written as a COCO folder and a MiniPlaces folder."""

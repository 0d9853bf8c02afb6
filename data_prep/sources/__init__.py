"""Where objects and scenes come from: COCO, MiniPlaces, the drawn sample."""

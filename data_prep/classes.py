"""The ten object and ten scene classes of BAM, in label order (Yang & Kim 2019, section 3.1)."""

OBJECTS = (
    "backpack",
    "bird",
    "dog",
    "elephant",
    "kite",
    "pizza",
    "stop_sign",
    "toilet",
    "truck",
    "zebra",
)

SCENES = (
    "bamboo_forest",
    "bedroom",
    "bowling_alley",
    "bus_interior",
    "cockpit",
    "corn_field",
    "laundromat",
    "runway",
    "ski_slope",
    "track",
)

CLASSES = {"object": OBJECTS, "scene": SCENES}

# Side of every scene and composite, in pixels: that of MiniPlaces.
IMAGE_SIZE = 128

# The scene classes in the order in which the commonality sets X^k give them a dog (section 3.2). The
# first three are the paper's own example for k = 0.3; it does not state the others.
COMMONALITY_ORDER = (
    "bamboo_forest",
    "bedroom",
    "corn_field",
    "bowling_alley",
    "bus_interior",
    "cockpit",
    "laundromat",
    "runway",
    "ski_slope",
    "track",
)
COMMONALITY_OBJECT = "dog"
COMMONALITIES = tuple(k / 10 for k in range(1, 11))

"""Attribution against the measured effect of what is attributed, image by image."""

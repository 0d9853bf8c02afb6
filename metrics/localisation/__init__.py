"""Where maps lie: what of them is on an object whose mask is known."""

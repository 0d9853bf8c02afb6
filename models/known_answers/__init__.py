"""Networks whose true relevance is known, since they are built and not trained."""

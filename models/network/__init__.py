"""Networks as evaluation needs them: rebuilt, compiled, differentiated, described."""

"""The same networks in PyTorch, which is an extra: it is imported when something of it is asked for."""

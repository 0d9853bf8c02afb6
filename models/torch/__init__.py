"""Networks and methods of PyTorch, which is an extra: nothing here imports it before it is asked for."""

"""Whether maps change with the weights that they are to explain."""

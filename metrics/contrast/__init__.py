"""What is known relatively: to which model, in which image, an object matters more (MCS, IDR, the series)."""

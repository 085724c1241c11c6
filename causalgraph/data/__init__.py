"""One door to data: counts of cells, with sums of an outcome."""

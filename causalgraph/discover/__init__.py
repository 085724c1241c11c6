"""From data to a graph: PC, FCI, RFCI."""

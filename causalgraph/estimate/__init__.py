"""Estimators of an effect from rows: trials, weighting, outcome models, matching. Each is licensed by the graph."""

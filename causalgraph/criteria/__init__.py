"""Criteria on graphs, each verdict with its witness: separation, paths, adjustment."""

"""The graph: marks at both ends of every edge, one traversal, relations, surgery."""

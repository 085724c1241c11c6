"""Text and syntax tree: reading a text, writing one, and the questions that it asks."""

"""Other people's texts: reading a graph from them, writing one, and saying what is lost on the way."""

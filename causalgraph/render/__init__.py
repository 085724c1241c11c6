"""Documents, graphs and formulas as text, HTML and pictures."""

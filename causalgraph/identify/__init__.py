"""From a causal query to a formula with its proof."""

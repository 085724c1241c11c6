"""From a formula and counts to a number with its interval."""

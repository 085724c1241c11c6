"""Formulas: probabilities over values of variables, in sympy."""

"""Structural equations: what a model's equations mean, simulation, exact inference, counterfactuals, fitting."""

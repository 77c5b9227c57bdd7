"""Many candidates on stored features: compare, cross-validate, tune."""

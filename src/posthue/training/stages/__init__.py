"""One stage of training: build, fit, validate, logits, losses."""

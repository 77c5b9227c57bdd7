"""Figures of a model against truth: metrics, calibration, significance."""

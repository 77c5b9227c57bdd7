"""Predictions by known words: VADER, word lists such as AFINN, TF-IDF."""

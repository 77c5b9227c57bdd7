"""Answering with a bundle: numpy, ONNX Runtime, tokenizers and Pillow; never torch."""

"""ONNX graphs rewritten: int8, SmoothQuant, GPTQ, fp16; no torch, no bundle."""

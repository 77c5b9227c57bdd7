"""What runs a graph: ONNX Runtime or OpenVINO, on which threads and device."""

"""Models in the words of others: as a C file, and as an ONNX model."""

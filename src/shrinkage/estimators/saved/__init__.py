"""Fitted models as files that run no code, and as ONNX graphs."""

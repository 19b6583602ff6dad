"""A fitted target predictor as one ONNX file: whatever stands before the network, body and head.

``stages`` takes a model apart into a chain in PyTorch, ``export`` writes the chain down and checks
the file. PyTorch and ONNX are imported when first needed.
"""

from landbridge.onnx.export import export_onnx

__all__ = ["export_onnx"]

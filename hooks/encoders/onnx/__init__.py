"""Any speaker model in an ONNX file, through ONNX Runtime."""

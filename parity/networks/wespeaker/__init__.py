"""The WeSpeaker ResNet34 embedding network of `pyannote/wespeaker-voxceleb-resnet34-LM`, on several runtimes.

What it is made of is in `architecture`; how checkpoints name that, in `names`; `checkpoints` reads and `writers` writes
them. `load_embedding` in `runtime` gives the network on ONNX Runtime (`graph`, `onnx_runtime`), PyTorch
(`torch_runtime`) or MLX (`mlx_runtime`), behind one call. `masks` is the rule by which masks meet frames.
"""

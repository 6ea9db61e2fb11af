"""Loads every format that `skipzoo export` writes, with what Python has for it.

    python load_exports.py FOLDER     with net.pt, net.pth, net.safetensors and net.onnx, of 3x32x32 pictures
"""
import pathlib
import sys

import torch

folder = pathlib.Path(sys.argv[1])
images = torch.rand(2, 3, 32, 32)

network = torch.jit.load(folder / "net.pt")
logits = network(images)
print("net.pt:", tuple(logits.shape), "from", len(network.state_dict()), "tensors")

weights = torch.load(folder / "net.pth", weights_only=True)
assert weights.keys() == network.state_dict().keys()
print("net.pth:", len(weights), "tensors")

try:
    from safetensors.torch import load_file
    assert load_file(folder / "net.safetensors").keys() == weights.keys()
    print("net.safetensors:", len(weights), "tensors")
except ImportError:
    print("net.safetensors: left out, there is no safetensors here")

try:
    import onnxruntime
    session = onnxruntime.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
    found = torch.from_numpy(session.run(None, {"input": images.numpy()})[0])
    assert torch.allclose(found, logits, atol=1e-4), "ONNX Runtime differs from TorchScript"
    print("net.onnx:", tuple(found.shape))
except ImportError:
    print("net.onnx: left out, there is no onnxruntime here")

"""Runs exports of one network in Python and compares with skipzoo's logits.

    python exports_in_python.py FOLDER GOLDENS REFERENCE

FOLDER holds net.* and, of formats with a program, baked.*, one a format, and cases.pth: images and logits of three batch
sizes. REFERENCE is the network's name in reference_models.py. Exit code 77: no torch here. A format that is not run below
is named at the end.
"""
import pathlib
import sys

try:
    import torch
except ImportError:
    print("skipped: this python has no torch")
    sys.exit(77)

folder, goldens, reference = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.path.insert(0, goldens)
import reference_models  # noqa: E402

cases = torch.load(folder / "cases.pth", weights_only=True)
left_out = []


def compare(kind, run):
    """Compares on every batch."""
    largest = 0
    for name, images in cases.items():
        if not name.startswith("images."):
            continue
        expected = cases[name.replace("images", "logits")]
        with torch.no_grad():
            difference = (run(images) - expected).norm() / max(expected.norm(), 1)
        largest = max(largest, float(difference))
    assert largest <= 1e-4, f"{kind}: differs by {largest}"
    print(f"{reference}: {kind} differs by {largest:.1e}")


module = torch.jit.load(folder / "net.pt")
assert not module.training
compare("torchscript", module)


def compare_baked(kind, run):
    """uint8 pictures in, probabilities out, BatchNorms folded."""
    with torch.no_grad():
        difference = float((run(cases["bytes"]) - cases["probabilities"]).norm())
    assert difference <= 1e-4, f"{kind}: differs by {difference}"


compare_baked("baked.pt", torch.jit.load(folder / "baked.pt"))

network = reference_models.build(reference)
names = list(network.state_dict())
assert sorted(module.state_dict()) == sorted(names), "names in the TorchScript file"
weights = torch.load(folder / "net.pth", weights_only=True)
network.load_state_dict(weights, strict=True)
network.eval()
compare("pth", network)

try:
    import safetensors.torch
    again = reference_models.build(reference)
    again.load_state_dict(safetensors.torch.load_file(folder / "net.safetensors"), strict=True)
    compare("safetensors", again.eval())
except ImportError:
    left_out.append("safetensors")

try:
    import onnx
    onnx.checker.check_model(str(folder / "net.onnx"), full_check=True)
    model = onnx.load(folder / "net.onnx")
    stored = {i.name for i in model.graph.initializer}
    unused = {n for n in names if n.endswith("num_batches_tracked")}
    assert set(names) - unused <= stored, "names of the initialisers"
    assert "skipzoo.json" in {p.key for p in model.metadata_props}
except ImportError:
    left_out.append("onnx")

try:
    import onnxruntime

    def runner(name):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
        return lambda images: torch.from_numpy(session.run(None, {"input": images.numpy()})[0])

    compare("onnx", runner("net.onnx"))
    compare_baked("baked.onnx", runner("baked.onnx"))
except ImportError:
    left_out.append("onnxruntime")

if left_out:
    print("left out, for they are not installed:", ", ".join(left_out))
unknown = {path.suffix for path in folder.glob("net.*")} - {".pt", ".pth", ".safetensors", ".onnx"}
if unknown:
    print("left out, for nothing here runs them:", ", ".join(sorted(unknown)))

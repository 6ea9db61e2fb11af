"""Weight files between skipzoo and Python's torch, bit for bit in both directions.

    python weights_in_python.py SKIPZOO_BINARY GOLDENS

Every file that make_weight_files.py left in GOLDENS/weights, and the state dicts of whole networks, are read by
`skipzoo convert`, written as .pth and as .safetensors, and read again by Python. Exit code 77: no torch here.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
except ImportError:
    print("skipped: this python has no torch")
    sys.exit(77)
try:
    import safetensors.torch
except ImportError:
    safetensors = None
    print("without safetensors: only .pth is compared")

BINARY, GOLDENS = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(GOLDENS))
import reference_models  # noqa: E402


def skipzoo(*arguments):
    subprocess.run([BINARY, *map(str, arguments)], check=True, capture_output=True, text=True)


def read(path):
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    return torch.load(path, weights_only=True)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)


def plain():
    """What make_weight_files.py wrote: element j is j / 2 - 3."""
    shapes = {"conv.weight": (4, 3, 3, 3), "fc.weight": (5, 4), "fc.bias": (5,)}
    return {name: (torch.arange(torch.Size(s).numel()) / 2 - 3).reshape(s) for name, s in shapes.items()}


class Weights(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.formats = [".pth"] + ([".safetensors"] if safetensors else [])

    def expect(self, source, expected, *options):
        for suffix in self.formats:
            out = self.folder / f"out{suffix}"
            skipzoo("convert", source, out, *options)
            found = read(out)
            self.assertEqual(set(found), set(expected), (source, suffix))
            for name, tensor in expected.items():
                self.assertTrue(same(found[name], tensor), (source, suffix, name))

    def test_plain_state_dicts(self):
        files = ["plain.pth", "plain.th", "ordered.pth", "ordered.th", "parameters.pth", "parameters.th",
                 "plain.safetensors", "sharded.safetensors.index.json", "script.pt"]
        for name in files:
            self.expect(GOLDENS / "weights" / name, plain())

    def test_training_checkpoints(self):
        for name in ("training.pth", "training.th"):
            source = GOLDENS / "weights" / name
            self.expect(source, {"module." + key: value for key, value in plain().items()})
            self.expect(source, {key: value + 1 for key, value in plain().items()}, "--ema")

    def test_types_and_views(self):
        for name in ("types.pth", "types.th", "views.pth", "views.th"):
            path = GOLDENS / "weights" / name
            self.expect(path, torch.load(path, weights_only=True))

    def test_networks_load_strictly(self):
        for name in ("resnet20-a", "resnet18", "densenet-bc-100-12", "convnet-residual"):
            torch.manual_seed(0)
            network = reference_models.build(name)
            for legacy in (False, True):
                source = self.folder / "network.pth"
                torch.save({"state_dict": {"module." + k: v for k, v in network.state_dict().items()}}, source,
                           _use_new_zipfile_serialization=not legacy)
                expected = {"module." + k: v for k, v in network.state_dict().items()}
                self.expect(source, expected)
                again = reference_models.build(name)
                for suffix in self.formats:
                    found = read(self.folder / f"out{suffix}")
                    again.load_state_dict({k.removeprefix("module."): v for k, v in found.items()}, strict=True)

    def test_checkpoints_are_state_dicts(self):
        config = GOLDENS.parents[1] / "configs" / "cifar10" / "resnet20.yaml"
        skipzoo("train", "-c", config, "-o", self.folder / "run", "--set", "data.dataset=synthetic", "--set",
                "data.synthetic_images=128", "--set", "train.epochs=1", "--set", "train.schedule={name: constant}")
        weights = torch.load(self.folder / "run" / "last.skz", weights_only=True)
        network = reference_models.build("resnet20-a")
        network.load_state_dict(weights, strict=True)
        self.expect(self.folder / "run" / "last.skz", network.state_dict())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

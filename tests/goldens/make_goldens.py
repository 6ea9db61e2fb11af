"""Writes the goldens of goldens_test.cpp: one text file per network.

    pip install torch numpy && python make_goldens.py [network ...]

Beside it stand reference_models.py, plain PyTorch networks by name, and
formula.py, the weights by formula that weights_by_formula.h has in C++.

Each network runs one step in float64 and training mode: weights by formula, a
batch of two images by formula, the mean cross entropy with labels 0 and 1, and
its gradients. CIFAR networks see 32x32, the others 64x64. Of a tensor t the
file keeps its norm and its dot product with a probe, which is uniform in
[-1, 1) by formula under the tensor's name + ".probe", whatever its rank.
"""

import argparse
import pathlib

import torch

import formula
import reference_models

HEADER = """\
# {name}: one training step of plain PyTorch {torch}, float64.
# Made by make_goldens.py, which says how; {batch} images of {c}x{h}x{w}.
# parameter  name  shape  norm and probe product of its gradient
# buffer     name  shape  norm after the step
"""
BATCH = 2


def shape_of(tensor):
    """ "64x3x7x7"; "scalar" where there is no dimension."""
    return "x".join(map(str, tensor.shape)) or "scalar"


def digits(tensor):
    """17 significant digits: enough to get the same float64 back."""
    return f"{float(tensor):.17g}"


def fingerprint(name, tensor):
    """Norm, and product with the probe of this name."""
    probe = 2 * formula.uniform(name + ".probe", tensor.numel()) - 1
    product = tensor.detach().flatten().dot(torch.from_numpy(probe))
    return f"{digits(tensor.detach().norm())} {digits(product)}"


def golden(name, build, image_shape):
    """The lines of one network's file."""
    c, h, w = image_shape
    model = formula.fill(build()).train()
    logits = model(formula.images(BATCH, c, h, w))
    labels = torch.arange(BATCH) % logits.shape[1]
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()

    yield HEADER.format(name=name, torch=torch.__version__.split("+")[0],
                        batch=BATCH, c=c, h=h, w=w).rstrip()
    yield f"images {BATCH}x{c}x{h}x{w}"
    yield f"loss {digits(loss.detach())}"
    yield (f"logits {shape_of(logits)} "
           f"{fingerprint('logits', logits)}")
    for key, value in model.named_parameters():
        yield (f"parameter {key} {shape_of(value)} "
               f"{fingerprint(key, value.grad)}")
    for key, value in model.named_buffers():
        yield f"buffer {key} {shape_of(value)} {digits(value.double().norm())}"


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=here)
    parser.add_argument("networks", nargs="*", help="all unless named")
    args = parser.parse_args()

    models = reference_models.MODELS
    for name in args.networks or models:
        build, (channels, height, width) = models[name]
        # Big images only cost time: 64x64 leaves 2x2 before the last pooling.
        image_shape = (channels, min(height, 64), min(width, 64))
        lines = golden(name, build, image_shape)
        (args.out / f"{name}.txt").write_text("\n".join(lines) + "\n")
        print(name)


if __name__ == "__main__":
    main()

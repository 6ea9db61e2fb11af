"""A classifier as ultralytics or fastai train it by default, in plain PyTorch, for the minutes one has.

    python train_classifier.py --set sets/flat --recipe ultralytics --minutes 10 --seed 1 --network resnet20 --size 32

A set is one of photo_sets.py's.  Values are those of ultralytics 8.4.190 and fastai 2.8.12, by the files named beside them; neither is
imported.  The network is one of reference_models.py for both: fastai's own head (two layers with dropout) is left out.  A fifth of the
pictures is held out and looked at after each epoch, which counts in the minutes, as it does there; reading all files once beforehand and
the test at the end do not.  ultralytics has no classifier with several labels: it gets fastai's loss for them.
"""
import argparse
import json
import os
import re
import struct
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "goldens"))
import fastai_recipe  # noqa: E402
import ultralytics_recipe  # noqa: E402
from classifier_data import load, loader  # noqa: E402
from classifier_task import Task, measured, seed_all  # noqa: E402
from reference_models import BasicBlock, CifarResNet, ResNet, initialised  # noqa: E402

TIMES = {None: 1, "quarter": 0.25, "half": 0.5, "2x": 2, "4x": 4}


def network(name, classes):
    """resnet18 and resnet34 have ImageNet's stem; resnet20, 32 ... (6n + 2 layers) are CIFAR's; _half, _2x ... multiply the width."""
    found = re.fullmatch(r"resnet(\d+)(?:_(quarter|half|2x|4x))?", name)
    depth, times = (int(found[1]), TIMES[found[2]]) if found else (0, 1)
    if depth in (18, 34):
        return ResNet(BasicBlock, (2, 2, 2, 2) if depth == 18 else (3, 4, 6, 3), classes, first=int(64 * times))
    if depth < 8 or depth % 6 != 2:
        sys.exit(f"network {name}: wanted resnet18, resnet34 or a resnet of 6n + 2 layers, and then nothing, _quarter, _half, _2x or _4x")
    return CifarResNet(depth, classes=classes, first=int(16 * times))


def read_weights(path):
    """A state dict from a file of torch.save, or a .safetensors."""
    if not path.endswith(".safetensors"):
        return torch.load(path, map_location="cpu", weights_only=True)
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    types = {"F32": np.float32, "I64": np.int64}
    return {name: torch.from_numpy(np.frombuffer(data[slice(*e["data_offsets"])], types[e["dtype"]]).reshape(e["shape"]).copy())
            for name, e in header.items()}


def built(a, classes):
    net = initialised(network(a.network, classes))
    if a.weights:
        state = {name: value for name, value in read_weights(a.weights).items() if not name.startswith("fc.")}
        missing, unexpected = net.load_state_dict(state, strict=False)
        if set(missing) != {"fc.weight", "fc.bias"} or unexpected:
            sys.exit(f"{a.weights} is of another network than {a.network}: {unexpected[:3]} are not its own, {missing[:3]} are not there")
    return net.to(memory_format=torch.channels_last) if a.channels_last else net


def main():
    cores = len(os.sched_getaffinity(0))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--set", required=True, help="a folder of photo_sets.py's")
    p.add_argument("--recipe", required=True, choices=("ultralytics", "fastai"))
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--network", default="resnet18", help="resnet18, resnet18_half, resnet18_quarter, resnet20, resnet20_2x ...")
    p.add_argument("--size", type=int, help="of the network's input (32 for CIFAR's networks, else 224 as both programs have)")
    p.add_argument("--weights", help="state dict of the network by torchvision's names: .pth or .safetensors; the head is new")
    p.add_argument("--threads", type=int, default=min(2, cores))
    p.add_argument("--workers", type=int, default=min(2, cores), help="of the loader")
    p.add_argument("--channels-last", action="store_true", help="what neither program does on a CPU; it is faster there")
    a = p.parse_args()
    a.size = a.size or (224 if re.match(r"resnet(18|34)", a.network) else 32)
    torch.set_num_threads(a.threads)
    data = load(a.set, a.recipe, a.seed)
    seed_all(a.seed)
    task, net = Task(a, data), built(a, len(data["classes"]))
    recipe = {"ultralytics": ultralytics_recipe, "fastai": fastai_recipe}[a.recipe]
    net, clock = recipe.train(task, net)
    seconds = clock.elapsed()
    found = measured(*task.predictions(net, loader(data["test"], recipe.Validation(a.size), 64, a.workers)))
    print(json.dumps({"set": os.path.basename(os.path.normpath(a.set)), "recipe": a.recipe, "network": a.network, "size": a.size,
                      "weights": a.weights, "seed": a.seed, "minutes": a.minutes, "epochs": clock.done, "seconds": round(seconds, 1),
                      "pictures": len(data["training"]), "left_out": data["left_out"],
                      **{name: round(float(value), 2) for name, value in found.items()}}))


if __name__ == "__main__":
    main()

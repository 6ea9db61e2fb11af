"""Writes grad_cam.json: Grad-CAM of plain PyTorch networks, for grad_cam_test.cpp.

    pip install torch numpy && python make_grad_cam.py

Weights and images by formula (formula.py), float64, evaluation mode. The gradient of a class's
score in the last stage's output is taken through the network's own forward, where that output is
put in the place of the one that is computed; the rest is Selvaraju et al. 2017, equations 1 and 2,
spelled out. `classes`: of each image, the second likeliest, which speaks against much of it.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

import formula
import reference_models

NETWORKS = {"convnet-residual": 64, "convnet-plain": 64, "resnet20-a": 32, "resnet50": 128,
            "densenet-bc-100-12": 32, "densenet121": 128}


def pooled(model, images):
    """The scores, and the feature maps that are averaged on the way to them."""
    seen = []
    mean = torch.Tensor.mean

    def note(tensor, *dims):
        tensor.retain_grad()
        seen.append(tensor)
        return mean(tensor, *dims)

    torch.Tensor.mean = note
    try:
        scores = model(images)
    finally:
        torch.Tensor.mean = mean
    assert len(seen) == 1
    return scores, seen[0]


def heat(model, image, label):
    scores, maps = pooled(model, image)
    scores[0, label].backward()
    total = torch.zeros(maps.shape[2:], dtype=torch.float64)
    for channel in range(maps.shape[1]):
        weight = float(maps.grad[0, channel].sum()) / maps[0, channel].numel()
        total += weight * maps[0, channel].detach()
    total = F.relu(total)
    return total / total.max() if total.max() > 0 else total


def main():
    goldens = {}
    for name, size in NETWORKS.items():
        model = formula.fill(reference_models.MODELS[name][0]()).eval()
        images = formula.images(2, 3, size, size)
        classes = model(images).topk(2).indices[:, 1].tolist()
        maps = [heat(model, images[n:n + 1], label) for n, label in enumerate(classes)]
        goldens[name] = {"size": size, "classes": classes, "shape": list(torch.stack(maps).shape),
                         "maps": torch.stack(maps).flatten().tolist()}
        print(name, list(maps[0].shape), [float(one.mean()) for one in maps])
    path = pathlib.Path(__file__).parent / "grad_cam.json"
    lines = [f"{json.dumps(name)}: {json.dumps(golden)}" for name, golden in goldens.items()]
    path.write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()

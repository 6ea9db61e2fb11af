"""A recipe of recipe_ladder.py as one would write it in plain PyTorch: ResNet-20 on a few thousand photos of 32x32.

    python train_recipe.py --photos ladder/photos --minutes 4 --seed 1 [--schedule onecycle --lr 0.3 ...]

The folder is the one that recipe_ladder.py makes.  Images are decoded once and stay in memory; cropping, mirroring and mixing are
done a batch at a time; TrivialAugmentWide is torchvision's, by Pillow.  The network is built from the same definition as the
goldens.  One thread.  Two epochs are timed first, for the number of them that the minutes allow; then it begins anew.
"""
import argparse
import copy
import json
import math
import os
import random
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance, ImageOps

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "goldens"))
from reference_models import build  # noqa: E402

MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
STD = torch.tensor([0.2470, 0.2435, 0.2616]).view(3, 1, 1)
SIZE = 32


def load(folder):
    classes = sorted(os.listdir(folder))
    found = [(Image.open(os.path.join(folder, c, f)).convert("RGB"), i)
             for i, c in enumerate(classes) for f in sorted(os.listdir(os.path.join(folder, c)))]
    return [image for image, _ in found], torch.tensor([label for _, label in found])


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def normalised(pixels):
    return (pixels.float() / 255 - MEAN) / STD


def trivial_augment(image):
    """torchvision's TrivialAugmentWide with its 31 magnitudes, nearest pixels and a black background."""
    def moved(*matrix):
        return image.transform(image.size, Image.AFFINE, matrix, Image.NEAREST)
    share = random.randrange(31) / 30
    signed = share if random.random() < 0.5 else -share
    operations = {
        "identity": lambda: image,
        "shear_x": lambda: moved(1, signed * 0.99, 0, 0, 1, 0), "shear_y": lambda: moved(1, 0, 0, signed * 0.99, 1, 0),
        "translate_x": lambda: moved(1, 0, int(signed * 32), 0, 1, 0),
        "translate_y": lambda: moved(1, 0, 0, 0, 1, int(signed * 32)),
        "rotate": lambda: image.rotate(signed * 135),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(1 + signed * 0.99),
        "color": lambda: ImageEnhance.Color(image).enhance(1 + signed * 0.99),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(1 + signed * 0.99),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(1 + signed * 0.99),
        "posterize": lambda: ImageOps.posterize(image, 8 - round(share * 6)),
        "solarize": lambda: ImageOps.solarize(image, 255 * (1 - share)),
        "autocontrast": lambda: ImageOps.autocontrast(image), "equalize": lambda: ImageOps.equalize(image)}
    return random.choice(list(operations.values()))()


def cropped_and_mirrored(x):
    n, steps = len(x), torch.arange(SIZE)
    x = F.pad(x, (4, 4, 4, 4))
    rows, columns = torch.randint(0, 9, (n, 1)) + steps, torch.randint(0, 9, (n, 1)) + steps
    columns = torch.where(torch.rand(n, 1) < 0.5, columns.flip(1), columns)
    return x[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def erased(x, p):
    """torchvision's RandomErasing with zeros, an image at a time."""
    for image in x:
        if random.random() >= p:
            continue
        for _ in range(10):
            area = SIZE * SIZE * random.uniform(0.02, 0.33)
            ratio = math.exp(random.uniform(math.log(0.3), math.log(3.3)))
            h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if h < SIZE and w < SIZE:
                top, left = random.randint(0, SIZE - h), random.randint(0, SIZE - w)
                image[:, top:top + h, left:left + w] = 0
                break
    return x


def mixed(a, x, targets):
    """timm's mixup and CutMix of a batch."""
    cut = a.cutmix and (not a.mixup or random.random() < 0.5)
    alpha = a.cutmix if cut else a.mixup
    share, other = np.random.beta(alpha, alpha), x.flip(0)
    if cut:
        side = int(SIZE * math.sqrt(1 - share))
        y, z = random.randrange(SIZE), random.randrange(SIZE)
        top, bottom = max(y - side // 2, 0), min(y + side // 2, SIZE)
        left, right = max(z - side // 2, 0), min(z + side // 2, SIZE)
        x = x.clone()
        x[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / SIZE ** 2
    else:
        x = x * share + other * (1 - share)
    return x, targets * share + targets.flip(0) * (1 - share)


class Muon:
    """Muon (Jordan 2024) on filters and matrices, as large steps as AdamW's (Liu et al. 2025); AdamW on vectors and the head."""

    def __init__(self, a, net):
        head = {id(q) for q in net.fc.parameters()}
        self.filters = [q for q in net.parameters() if q.dim() > 1 and id(q) not in head]
        others = [q for q in net.parameters() if q.dim() == 1 or id(q) in head]
        self.momenta = [torch.zeros_like(q) for q in self.filters]
        self.adamw = torch.optim.AdamW(others, lr=a.lr, weight_decay=a.weight_decay, fused=True)
        self.param_groups, self.weight_decay = self.adamw.param_groups, a.weight_decay

    @staticmethod
    def orthogonalised(x):
        tall = x.size(0) > x.size(1)
        x = x.t() if tall else x
        x = x / x.norm().clamp_min(1e-7)
        for _ in range(5):
            gram = x @ x.t()
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        return x.t() if tall else x

    @torch.no_grad()
    def step(self):
        lr = self.param_groups[0]["lr"]
        torch._foreach_lerp_(self.momenta, [q.grad for q in self.filters], 0.1)
        for q, momentum in zip(self.filters, self.momenta):
            x = q.grad.lerp(momentum, 0.9).flatten(1)
            x = self.orthogonalised(x) * (0.2 * math.sqrt(max(x.shape)))
            q.mul_(1 - lr * self.weight_decay).sub_(x.view_as(q), alpha=lr)
        self.adamw.step()

    def zero_grad(self, set_to_none):
        self.adamw.zero_grad(set_to_none=set_to_none)
        for q in self.filters:
            q.grad = None


def sgd_of(a, net):
    decayed = [q for q in net.parameters() if q.dim() > 1]
    others = [q for q in net.parameters() if q.dim() == 1]
    return torch.optim.SGD([{"params": decayed}, {"params": others, "weight_decay": 0 if a.no_decay_norm_bias else a.weight_decay}],
                           lr=a.lr, momentum=0.9, nesterov=a.nesterov, weight_decay=a.weight_decay, fused=True)


def rate(a, progress):
    """The learning rate at a share of the run."""
    if a.schedule == "multistep":
        return a.lr * 0.1 ** ((progress >= 0.5) + (progress >= 0.75))
    rise = 0.3 if a.schedule == "onecycle" else a.warmup / a.epochs
    if progress < rise:
        low = a.lr / 25 if a.schedule == "onecycle" else 0
        return low + (a.lr - low) * (0.5 - 0.5 * math.cos(math.pi * progress / rise) if low else progress / rise)
    return a.lr * (0.5 + 0.5 * math.cos(math.pi * (progress - rise) / (1 - rise)))


def train(a, images, labels, epochs):
    """The network, or its moving average, after the epochs; and the seconds that the last of them took."""
    torch.manual_seed(a.seed), random.seed(a.seed), np.random.seed(a.seed)
    a.epochs = epochs
    net = build("resnet20-a").to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(net).eval() if a.ema else None
    optimizer = Muon(a, net) if a.optimizer == "muon" else sgd_of(a, net)
    pixels, step, seconds = torch.stack([to_tensor(i) for i in images]), 0, 0
    steps_an_epoch = math.ceil(len(labels) / a.batch)
    for _ in range(epochs):
        start, order = time.perf_counter(), torch.randperm(len(labels))
        for chosen in order.split(a.batch):
            x = torch.stack([to_tensor(trivial_augment(images[i])) for i in chosen.tolist()]) if a.trivial else pixels[chosen]
            x = cropped_and_mirrored(normalised(x))
            x = erased(x, a.erase) if a.erase else x
            targets = F.one_hot(labels[chosen], 10) * (1 - a.smoothing) + a.smoothing / 10
            if a.mixup or a.cutmix:
                x, targets = mixed(a, x, targets)
            for group in optimizer.param_groups:
                group["lr"] = rate(a, step / (epochs * steps_an_epoch))
            loss = F.cross_entropy(net(x.contiguous(memory_format=torch.channels_last)), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            if average:
                decay = min(a.ema, (1 + step) / (10 + step))
                with torch.no_grad():
                    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - decay)
                    for mean, now in zip(average.buffers(), net.buffers()):
                        mean.lerp_(now, 1 - decay) if mean.is_floating_point() else mean.copy_(now)
        seconds = time.perf_counter() - start
    return average or net, seconds


def accuracy(net, images, labels):
    net.eval()
    right = 0
    with torch.inference_mode():
        for i in range(0, len(labels), 500):
            x = normalised(torch.stack([to_tensor(image) for image in images[i:i + 500]]))
            right += (net(x.contiguous(memory_format=torch.channels_last)).argmax(1) == labels[i:i + 500]).sum().item()
    return 100 * right / len(labels)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--photos", required=True, help="folder of train/<class> and test/<class>")
    p.add_argument("--minutes", type=float, default=4)
    p.add_argument("--epochs", type=int, help="instead of those that the minutes allow")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--optimizer", choices=("sgd", "muon"), default="sgd")
    p.add_argument("--schedule", choices=("multistep", "cosine", "onecycle"), default="multistep")
    p.add_argument("--warmup", type=float, default=0, help="epochs, of cosine")
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--nesterov", action="store_true")
    p.add_argument("--weight-decay", type=float, default=1e-4)
    p.add_argument("--no-decay-norm-bias", action="store_true")
    p.add_argument("--smoothing", type=float, default=0)
    p.add_argument("--ema", type=float, default=0, help="decay of the moving average")
    p.add_argument("--trivial", action="store_true", help="TrivialAugmentWide")
    p.add_argument("--erase", type=float, default=0)
    p.add_argument("--mixup", type=float, default=0)
    p.add_argument("--cutmix", type=float, default=0)
    a = p.parse_args()
    torch.set_num_threads(1)
    images, labels = load(os.path.join(a.photos, "train"))
    epochs = a.epochs or max(2, round(a.minutes * 60 / train(a, images, labels, 2)[1]))
    start = time.perf_counter()
    net, _ = train(a, images, labels, epochs)
    seconds = time.perf_counter() - start
    print(json.dumps({"seed": a.seed, "epochs": epochs, "seconds": round(seconds, 1),
                      "top1": accuracy(net, *load(os.path.join(a.photos, "test")))}))


if __name__ == "__main__":
    main()

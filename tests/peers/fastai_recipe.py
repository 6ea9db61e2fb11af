"""A classifier as fastai 2.8.12 trains it by default; the files named are its own."""
import copy
import math
import random
import time

import torch
import torch.nn.functional as F
from PIL import Image

from classifier_data import loader
from classifier_task import Clock, seed_all


# ---------------------------------------------------------------- pictures: vision/augment.py
class Validation:
    """item_tfms=Resize(size): a square of the shorter side, in the middle, made smaller."""

    def __init__(self, size):
        self.size = size

    def share(self):
        return 0.5

    def __call__(self, image):
        short, share = min(image.size), self.share()
        left, top = (int(share * (side - short)) for side in image.size)
        return image.crop((left, top, left + short, top + short)).resize((self.size, self.size), Image.BILINEAR)


class Training(Validation):
    """The square lies anywhere."""

    def share(self):
        return random.random()


def drawn(n, low, high, neutral):
    """A number for each picture, or with 0.25 (p_affine and p_lighting are 0.75) what changes nothing."""
    return torch.where(torch.rand(n) < 0.75, torch.empty(n).uniform_(low, high), torch.tensor(neutral))


def affine(n):
    """aug_transforms' Flip(p=0.5), Rotate(max_deg=10) and Zoom(1, 1.1), multiplied in this order: (n, 2, 3)."""
    mirror = 1 - 2 * (torch.rand(n) < 0.5).float()
    angle = drawn(n, -10, 10, 0.0) * math.pi / 180
    zoom = 1 / drawn(n, 1, 1.1, 1.0)
    column, row = (1 - zoom) * (2 * torch.rand(n) - 1), (1 - zoom) * (2 * torch.rand(n) - 1)
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack([mirror * cosine * zoom, mirror * sine * zoom, mirror * (cosine * column + sine * row),
                        -sine * zoom, cosine * zoom, cosine * row - sine * column], 1).view(n, 2, 3)


def warped(grid):
    """aug_transforms' Warp(magnitude=0.2): the corners go to others, by the perspective that find_coeffs solves for."""
    n = len(grid)
    x, y = drawn(n, -0.2, 0.2, 0.0), drawn(n, -0.2, 0.2, 0.0)
    corners = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]]).expand(n, 4, 2)
    to = corners + torch.stack([torch.stack([-y, -x], 1), torch.stack([y, x], 1), torch.stack([y, x], 1), torch.stack([-y, -x], 1)], 1)
    ones, zeros = torch.ones(n, 4, 1), torch.zeros(n, 4, 3)
    first = torch.cat([to, ones, zeros, -corners[..., :1] * to], 2)
    second = torch.cat([zeros, to, ones, -corners[..., 1:] * to], 2)
    known = torch.linalg.solve(torch.stack([first, second], 2).view(n, 8, 8), corners.reshape(n, 8))
    matrix = torch.cat([known, torch.ones(n, 1)], 1).view(n, 3, 3)
    moved = grid.reshape(n, -1, 2) @ matrix[..., :2].transpose(1, 2) + matrix[:, None, :, 2]
    return (moved[..., :2] / moved[..., 2:]).view_as(grid)


def augmented(x):
    """batch_tfms=aug_transforms() on pixels from 0 to 1: one bilinear sampling, then brightness and contrast (0.2) in logits."""
    n = len(x)
    grid = warped(F.affine_grid(affine(n), x.shape, align_corners=True))
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=True)
    logits = x.clamp(1e-7, 1 - 1e-7).logit() + drawn(n, 0.4, 0.6, 0.5).logit().view(n, 1, 1, 1)
    return torch.sigmoid(logits * drawn(n, math.log(0.8), -math.log(0.8), 0.0).exp().view(n, 1, 1, 1))


# ---------------------------------------------------------------- training
def groups_of(net, pretrained):
    """vision/learner.py: a ResNet of ImageNet in three (_resnet_split), others in body and head (default_split); each of them as
    parameters with decay (wd 0.01, optimizer.py Adam) and those without (learner.py, wd_bn_bias=False)."""
    if hasattr(net, "layer4"):
        parts = [[net.conv1, net.bn1, net.layer1, net.layer2], [net.layer3, net.layer4], [net.fc]]
    else:
        parts = [[net.conv1, net.bn1, net.layer1, net.layer2, net.layer3], [net.fc]]
    found = []
    for i, part in enumerate(parts):
        for plain in (False, True):
            values = [q for m in part for q in m.parameters() if (q.dim() == 1) == plain]
            found.append({"params": values, "weight_decay": 0.0 if plain else 0.01, "part": i})
    return found, len(parts)


def phases(weights, parts):
    """(epochs, the highest rates of the parts, pct_start, div) of callback/schedule.py; epochs None: those that are left.

    From scratch fit_one_cycle at defaults.lr = 1e-3 (learner.py); with weights fine_tune: an epoch of the head at base_lr = 2e-3 with
    the body frozen (its norms train, at a tenth), then all from 1e-3 / 100 to 1e-3."""
    if not weights:
        return [(None, [1e-3] * parts, 0.25, 25)]
    return [(1, [2e-4] * (parts - 1) + [2e-3], 0.99, 25), (None, [1e-5 * 100 ** (i / (parts - 1)) for i in range(parts)], 0.3, 5)]


def combined_cos(share, rise, start, middle, end):
    """callback/schedule.py, of the same name."""
    start, end, at = (start, middle, share / rise) if share < rise else (middle, end, (share - rise) / (1 - rise))
    return start + (1 - math.cos(math.pi * at)) * (end - start) / 2


def train_epoch(task, net, optimizer, batches, phase, share_of):
    """share_of: how much of the phase lies behind, by the number of a batch."""
    _, rates, rise, div = phase
    net.train()
    for i, (x, y) in enumerate(batches):
        share = min(share_of(i), 1.0)
        momentum = combined_cos(share, rise, 0.95, 0.85, 0.95)  # learner.py moms
        for group in optimizer.param_groups:
            rate = rates[group["part"]]
            group["lr"], group["betas"] = combined_cos(share, rise, rate / div, rate, rate / 1e5), (momentum, 0.99)
        task.loss(net(task.prepared(x, augmented)), y).backward()
        optimizer.step()
        optimizer.zero_grad()


def seconds_an_epoch(task, net, optimizer_of):
    """By up to ten batches of training and of validation with a copy of the network.  A user has tried it out: it is not counted."""
    a, data, net = task.a, task.data, copy.deepcopy(net)
    optimizer, seconds = optimizer_of(net), 0
    for name, train in (("training", True), ("validation", False)):
        batches = loader(data[name], (Training if train else Validation)(a.size), 64, a.workers, train, train, keep=False)
        for i, batch in enumerate(batches):
            if i == 1:
                start = time.perf_counter()  # the first one finds memory and workers
            if train:
                train_epoch(task, net, optimizer, [batch], phases(None, 3)[0], lambda _: 0)
            else:
                task.predictions(net, [batch])
            if i == 10:
                break
        if len(batches) > 1:
            seconds += (time.perf_counter() - start) / i * len(batches)
    return max(seconds, 0.01)


def train(task, net):
    """The network after the last epoch, and the clock.  data/core.py: batches of 64, of which the last is dropped if it is not whole."""
    a, data = task.a, task.data
    batches = loader(data["training"], Training(a.size), 64, a.workers, train=True, drop_last=True)
    validation = loader(data["validation"], Validation(a.size), 64, a.workers)
    groups, parts = groups_of(net, a.weights)

    def optimizer_of(net):
        return torch.optim.AdamW(groups_of(net, a.weights)[0], lr=1e-3, betas=(0.95, 0.99), eps=1e-5, fused=True)

    expected = a.minutes * 60 / seconds_an_epoch(task, net, optimizer_of)
    seed_all(a.seed)
    optimizer, clock = optimizer_of(net), Clock(a.minutes)
    norms = {id(q) for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d) for q in m.parameters()}
    for phase in phases(a.weights, parts):
        before, frozen = clock.done, phase[0] == 1
        for group in groups:
            for q in group["params"]:
                q.requires_grad_(not frozen or group["part"] == parts - 1 or id(q) in norms)
        while True:
            epochs = phase[0] or max(int(expected) - before, clock.done - before + 1)
            train_epoch(task, net, optimizer, batches, phase, lambda i: (clock.done - before + i / len(batches)) / epochs)
            task.predictions(net, validation)  # metrics that it prints, and does not act on
            expected = clock.epoch_done()
            if frozen or clock.done - before >= max(epochs if phase[0] else int(expected) - before, 1):
                break
    return net, clock

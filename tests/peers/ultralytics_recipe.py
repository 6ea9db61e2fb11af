"""A classifier as ultralytics 8.4.190 trains it by default; the files named are its own, and torchvision 0.29.1's."""
import copy
import math
import random

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps

from classifier_data import loader
from classifier_task import Clock, measured


# ---------------------------------------------------------------- pictures: data/augment.py classify_augmentations
def randaugment(image):
    """torchvision's RandAugment as ultralytics calls it: two operations of magnitude 9 of 31 bins (0.3 of the most), bilinear."""
    def moved(*matrix):
        return image.transform(image.size, Image.AFFINE, matrix, Image.BILINEAR)
    sign = random.choice((-1, 1))
    shift = sign * int(0.3 * 150 / 331 * image.width)
    operations = (
        lambda: image, lambda: moved(1, sign * 0.09, 0, 0, 1, 0), lambda: moved(1, 0, 0, sign * 0.09, 1, 0),
        lambda: moved(1, 0, shift, 0, 1, 0), lambda: moved(1, 0, 0, 0, 1, shift), lambda: image.rotate(sign * 9, Image.BILINEAR),
        lambda: ImageEnhance.Brightness(image).enhance(1 + sign * 0.27), lambda: ImageEnhance.Color(image).enhance(1 + sign * 0.27),
        lambda: ImageEnhance.Contrast(image).enhance(1 + sign * 0.27), lambda: ImageEnhance.Sharpness(image).enhance(1 + sign * 0.27),
        lambda: ImageOps.posterize(image, 7), lambda: ImageOps.solarize(image, 178.5), lambda: ImageOps.autocontrast(image),
        lambda: ImageOps.equalize(image))
    return random.choice(operations)()


def random_crop(image, size):
    """torchvision's RandomResizedCrop with ultralytics' scale of 0.5 to 1 (cfg/default.yaml, scale) and a ratio of 3:4 to 4:3."""
    w, h = image.size
    for _ in range(10):
        area, ratio = w * h * random.uniform(0.5, 1), math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        cw, ch = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if cw <= w and ch <= h:
            left, top = random.randint(0, w - cw), random.randint(0, h - ch)
            break
    else:
        cw, ch = min(w, round(h * 4 / 3)), min(h, round(w * 4 / 3))
        left, top = (w - cw) // 2, (h - ch) // 2
    return image.crop((left, top, left + cw, top + ch)).resize((size, size), Image.BILINEAR)


class Training:
    """Crop, mirror (fliplr 0.5), RandAugment, RandomErasing to black (erasing 0.4); hsv_* are not used beside RandAugment."""

    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        image = random_crop(image, self.size)
        if random.random() < 0.5:
            image = ImageOps.mirror(image)
        image = randaugment(randaugment(image))
        for _ in range(10 if random.random() < 0.4 else 0):
            area = self.size ** 2 * random.uniform(0.02, 0.33)
            ratio = math.exp(random.uniform(math.log(0.3), math.log(3.3)))
            h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if h < self.size and w < self.size:
                image.paste(0, (left := random.randint(0, self.size - w), top := random.randint(0, self.size - h), left + w, top + h))
                break
        return image


class Validation:
    """classify_transforms: the shorter side to the size, and the middle."""

    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        short = min(image.size)
        w, h = (int(self.size * side / short) for side in image.size)
        left, top = round((w - self.size) / 2), round((h - self.size) / 2)
        return image.resize((w, h), Image.BILINEAR).crop((left, top, left + self.size, top + self.size))


# ---------------------------------------------------------------- training
def adamw_of(net, classes, pictures):
    """engine/trainer.py build_optimizer with optimizer=auto: AdamW, for up to 10,000 iterations of 100 epochs, whatever `time` says.

    lr0 is 0.002 * 5 / (4 + classes), betas 0.9 and 0.999; weight_decay 0.0005 is for batches of nbs = 64, which 4 of 16 make; biases and
    the weights of norms have none."""
    if math.ceil(pictures / 64) * 100 > 10000:
        sys.exit(f"{pictures} pictures: ultralytics takes MuSGD for more than 6400, which is not written here")
    norms = {id(q) for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d) for q in m.parameters()}
    plain = [q for name, q in net.named_parameters() if id(q) in norms or name.endswith("bias")]
    decayed = [q for name, q in net.named_parameters() if id(q) not in norms and not name.endswith("bias")]
    rate = round(0.002 * 5 / (4 + classes), 6)
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.0005}, {"params": plain, "weight_decay": 0.0}], lr=rate,
                             betas=(0.9, 0.999), fused=True), rate


class MovingAverage:
    """utils/torch_utils.py ModelEMA: decay 0.9999 (1 - exp(-updates / 2000)), of parameters and statistics."""

    def __init__(self, net):
        self.net, self.updates = copy.deepcopy(net).eval(), 0
        values = [(mean, now) for mean, now in zip(self.net.state_dict().values(), net.state_dict().values()) if mean.is_floating_point()]
        self.means, self.now = map(list, zip(*values))

    @torch.no_grad()
    def update(self):
        self.updates += 1
        torch._foreach_lerp_(self.means, self.now, 1 - 0.9999 * (1 - math.exp(-self.updates / 2000)))


def fitness(task, net, batches):
    """utils/metrics.py ClassifyMetrics.fitness: the mean of top-1 and top-5.  Of several labels, which it does not know: their mAP."""
    logits, labels = task.predictions(net, batches)
    if task.data["multi"]:
        return measured(logits, labels)["map"]
    hits = np.argsort(-logits, 1)[:, :5] == labels[:, None]
    return 100 * (hits[:, 0].mean() + hits.any(1).mean()) / 2


def train_epoch(task, net, average, optimizer, batches, rates, clock):
    """engine/trainer.py _do_train.  rates: by a batch's number in the run, the learning rate and how many gradients a step sums."""
    net.train()
    for i, (x, y) in enumerate(batches, clock.done * len(batches)):
        rate, accumulate = rates(i)
        for group in optimizer.param_groups:
            group["lr"] = rate
        task.loss(net(task.prepared(x)), y).backward()
        if i - task.last_step >= accumulate:
            torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)  # optimizer_step
            optimizer.step()
            optimizer.zero_grad()
            average.update()
            task.last_step = i
            if clock.is_over():
                return


def train(task, net):
    """The moving average of the epoch with the best fitness, and the clock.  cfg/default.yaml: batch 16, nbs 64, lrf 0.01, cos_lr False,
    warmup_epochs 3 (with optimizer=auto all rates rise from 0), patience 100."""
    a, data = task.a, task.data
    batches = loader(data["training"], Training(a.size), 16, a.workers, train=True)
    validation = loader(data["validation"], Validation(a.size), 32, a.workers)
    optimizer, first_rate = adamw_of(net, len(data["classes"]), len(data["training"]))
    average, epochs, best, best_epoch = MovingAverage(net), 100, -1.0, 0
    task.last_step, clock = -1, Clock(a.minutes)

    def rates(i):
        rate = first_rate * (max(1 - clock.done / epochs, 0) * 0.99 + 0.01)
        warmup = round(min(3, max(epochs - 1, 0)) * len(batches))
        if i > warmup or not warmup:
            return rate, 4
        return np.interp(i, [0, warmup], [0, rate]), max(1, int(np.interp(i, [0, warmup], [1, 4]).round()))

    while True:
        train_epoch(task, net, average, optimizer, batches, rates, clock)
        found = fitness(task, average.net, validation)
        if found > best:
            best_epoch = clock.done
        if found >= best:
            best, kept = found, copy.deepcopy(average.net)
        is_last = clock.done + 1 >= epochs
        epochs = math.ceil(clock.epoch_done())
        if is_last or clock.is_over() or clock.done - 1 - best_epoch >= 100:
            return kept, clock

"""What the recipes of train_classifier.py share: measures, a network's input and loss, and the time."""
import random
import time

import numpy as np
import torch
import torch.nn.functional as F

IMAGENET = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)


def seed_all(seed):
    torch.manual_seed(seed), random.seed(seed), np.random.seed(seed)


def f1(right, found, wanted):
    return 2 * right / (found + wanted) if found + wanted else 0.0


def macro_f1(predicted, labels):
    """scikit-learn's f1_score(average="macro"), zero where a class is neither found nor there; in percent."""
    if labels.ndim == 2:
        return 100 * np.mean([f1((p * t).sum(), p.sum(), t.sum()) for p, t in zip(predicted.T, labels.T)])
    return 100 * np.mean([f1(((predicted == c) & (labels == c)).sum(), (predicted == c).sum(), (labels == c).sum())
                          for c in np.union1d(predicted, labels)])


def average_precision(scores, labels):
    """scikit-learn's average_precision_score of one label."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    right = np.cumsum(labels[order])[last_of_tie]
    found = np.arange(1, len(scores) + 1)[last_of_tie]
    return (np.diff(right, prepend=0) * right / found).sum() / max(labels.sum(), 1)


def measured(logits, labels):
    """top1 (of several labels: all of them right), macro_f1 and map, in percent."""
    if labels.ndim == 2:
        predicted = (logits > 0).astype(float)
        mean = 100 * np.mean([average_precision(s, t) for s, t in zip(logits.T, labels.T)])
        return {"top1": 100 * (predicted == labels).all(1).mean(), "macro_f1": macro_f1(predicted, labels), "map": mean}
    predicted = logits.argmax(1)
    return {"top1": 100 * (predicted == labels).mean(), "macro_f1": macro_f1(predicted, labels)}


class Task:
    """A network's input and loss.  Neither program normalises pixels from scratch: ultralytics' DEFAULT_MEAN is 0 and its DEFAULT_STD 1
    (data/augment.py), fastai adds Normalize for pretrained networks alone (vision/learner.py _add_norm).  Weights have ImageNet's."""

    def __init__(self, a, data):
        self.a, self.data = a, data
        self.memory_format = torch.channels_last if a.channels_last else torch.contiguous_format

    def prepared(self, x, augment=None):
        x = x.contiguous().float().div_(255)
        x = augment(x) if augment else x
        return ((x - IMAGENET[0]) / IMAGENET[1] if self.a.weights else x).contiguous(memory_format=self.memory_format)

    def loss(self, logits, labels):
        return F.binary_cross_entropy_with_logits(logits, labels) if self.data["multi"] else F.cross_entropy(logits, labels)

    def predictions(self, net, batches):
        net.eval()
        with torch.inference_mode():
            found = [(net(self.prepared(x)), y) for x, y in batches]
        return torch.cat([logits for logits, _ in found]).numpy(), torch.cat([y for _, y in found]).numpy()


class Clock:
    """The number of epochs that the minutes allow, anew after each of them, as ultralytics' `time` does (engine/trainer.py)."""

    def __init__(self, minutes):
        self.seconds, self.start, self.done = minutes * 60, time.perf_counter(), 0

    def elapsed(self):
        return time.perf_counter() - self.start

    def is_over(self):
        return self.elapsed() > self.seconds

    def epoch_done(self):
        """How many epochs there would be, not rounded."""
        self.done += 1
        return self.seconds / (self.elapsed() / self.done)

"""Pictures for train_classifier.py: the sets of photo_sets.py.  Files named in comments are those of ultralytics and fastai."""
import csv
import os
import random

import numpy as np
import torch
from PIL import Image, ImageOps

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif")


def decode(path):
    """8-bit RGB, upright.  fastai's vision/core.py load_image does not look at EXIF; it is done for both."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # Pillow cuts 16 bits off at 255; OpenCV, which ultralytics reads by, shifts them
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        return image.convert("RGB")


def is_readable(path):
    try:
        decode(path)
        return True
    except Exception:  # Pillow has many: OSError, SyntaxError, struct.error, ValueError ...
        return False


def of_folders(root):
    """(path, class) of class folders; hidden ones, as both programs do it, and what macOS puts in archives are passed over."""
    classes = sorted(c for c in os.listdir(root) if os.path.isdir(os.path.join(root, c)) and c[0] not in "._")
    return [(os.path.join(root, c, f), i) for i, c in enumerate(classes) for f in sorted(os.listdir(os.path.join(root, c)))
            if f[0] != "." and f.lower().endswith(ENDINGS)], classes


def of_table(path, classes=None):
    """(path, 0 or 1 for each class) of a table of path,label with | between labels."""
    with open(path, newline="") as file:
        rows = [(os.path.join(os.path.dirname(path), row["path"]), set(filter(None, row["label"].split("|"))))
                for row in csv.DictReader(file)]
    classes = classes or sorted(set().union(*(labels for _, labels in rows)))
    return [(name, [float(c in labels) for c in classes]) for name, labels in rows], classes


def held_out(samples, recipe, seed, multi):
    """Training and validation samples, 80 % and 20 %.

    ultralytics, data/split.py split_classify_dataset: int(0.8 n) of each class, by random.Random(0), whatever the seed; fastai,
    data/transforms.py RandomSplitter(valid_pct=0.2): int(0.2 n) of all.  Tables, which ultralytics does not read, as fastai does.
    """
    if recipe == "fastai" or multi:
        order = random.Random(seed).sample(samples, len(samples))
        cut = int(0.2 * len(order))
        return order[cut:], order[:cut]
    training, validation = [], []
    for c in sorted({label for _, label in samples}):
        own = [s for s in samples if s[1] == c]
        random.Random(0).shuffle(own)
        training += own[:int(0.8 * len(own))]
        validation += own[int(0.8 * len(own)):]
    return training, validation


def load(folder, recipe, seed):
    """A dictionary: training, validation and test samples, classes, multi (labels), left_out (files that are no pictures)."""
    multi = os.path.exists(os.path.join(folder, "pictures.csv"))
    if multi:
        found, classes = of_table(os.path.join(folder, "pictures.csv"))
        test, _ = of_table(os.path.join(folder, "test.csv"), classes)
    else:
        found, classes = of_folders(os.path.join(folder, "pictures"))
        test, test_classes = of_folders(os.path.join(folder, "test"))
        if classes != test_classes:
            raise SystemExit(f"{folder}: pictures has the classes {classes}, test has {test_classes}")
    kept = [sample for sample in found if is_readable(sample[0])]
    training, validation = held_out(kept, recipe, seed, multi)
    return {"training": training, "validation": validation, "test": test, "classes": classes, "multi": multi,
            "left_out": len(found) - len(kept)}


class Pictures(torch.utils.data.Dataset):
    """Decoded anew each time, as both programs do without a cache."""

    def __init__(self, samples, transform):
        self.samples, self.transform = samples, transform

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        path, label = self.samples[i]
        pixels = np.array(self.transform(decode(path)))
        return torch.from_numpy(pixels).permute(2, 0, 1), torch.tensor(label)


def loader(samples, transform, batch, workers, train=False, drop_last=False, keep=True):
    """Batches of bytes (N, 3, H, W) and labels.  ultralytics sets its workers to 0 on a CPU (engine/trainer.py); both have them here."""
    return torch.utils.data.DataLoader(Pictures(samples, transform), batch, shuffle=train, num_workers=workers,
                                       drop_last=drop_last and len(samples) >= batch, persistent_workers=keep and workers > 0)

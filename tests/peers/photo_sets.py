"""Five sets of pictures as people have them, each with a test part that no training sees.

    python photo_sets.py --cifar FOLDER --out sets

FOLDER holds train/<class>/*.jpg and test/<class>/*.jpg of CIFAR-10 as JPEG files.  What is made:

    flat/pictures/<class>         10 classes of 300, no splits
    unbalanced/pictures/<class>   10 classes, from 1,000 pictures to 10
    labels/pictures.csv           1,500 drawn pictures with up to three kinds of shape, of five; path,label with | between labels
    tiny/pictures/<class>         10 classes of 20
    mixed/pictures/<class>        glyphs that point up, right, down or left, 150 each: JPEG turned by EXIF, WebP, PNG with alpha, a
                                  palette or 16 bits, GIF, BMP, TIFF, CMYK; and broken files among them

and beside it <set>/test/<class> of 200 a class (100 of mixed, ordinary JPEG and PNG), labels/test.csv of 500.  The same FOLDER makes the
same files.  A program that mirrors pictures cannot tell left from right in `mixed`: that is for it to know.
"""
import argparse
import os
import shutil
import sys

import numpy as np

from drawn_sets import make_labels, make_mixed

SEED = 23


def listed(cifar, split):
    """A class's files, in order."""
    root = os.path.join(cifar, split)
    return {c: [os.path.join(root, c, f) for f in sorted(os.listdir(os.path.join(root, c)))] for c in sorted(os.listdir(root))}


def copy_some(rng, files, count, folder):
    os.makedirs(folder)
    for i in sorted(rng.choice(len(files), count, replace=False)):
        shutil.copyfile(files[i], os.path.join(folder, os.path.basename(files[i])))


def make_photos(out, seed, cifar, counts):
    """counts: pictures of each class, in the order of their names."""
    train, test = listed(cifar, "train"), listed(cifar, "test")
    rng = np.random.default_rng(seed)
    for c, count in zip(train, counts):
        copy_some(rng, train[c], count, os.path.join(out, "pictures", c))
        copy_some(rng, test[c], 200, os.path.join(out, "test", c))


def unbalanced_counts():
    counts = [round(1000 * 100 ** (-i / 9)) for i in range(10)]
    return np.random.default_rng(SEED).permutation(counts).tolist()


def print_counts(out, name):
    for part in ("pictures", "images", "test"):
        folder = os.path.join(out, name, part)
        if os.path.isdir(folder):
            classes = {c: sum(len(files) for _, _, files in os.walk(os.path.join(folder, c)))
                       for c in sorted(os.listdir(folder)) if os.path.isdir(os.path.join(folder, c))}
            count = sum(classes.values()) or len(os.listdir(folder))
            print(f"{name}/{part}: {count} files" + (f": {', '.join(f'{c} {n}' for c, n in classes.items())}" if classes else ""))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--cifar", required=True, help="folder of train/<class> and test/<class>")
    p.add_argument("--out", required=True, help="folder of the sets; those that it has are left as they are")
    a = p.parse_args()
    train, test = listed(a.cifar, "train"), listed(a.cifar, "test")
    if len(train) != 10 or list(train) != list(test):
        sys.exit(f"{a.cifar}: train and test must have the same 10 classes, found {len(train)} and {len(test)}")
    grounds, test_grounds = ([f for files in split.values() for f in files[:200]] for split in (train, test))
    make = {"flat": lambda out: make_photos(out, SEED, a.cifar, [300] * 10),
            "unbalanced": lambda out: make_photos(out, SEED + 1, a.cifar, unbalanced_counts()),
            "labels": lambda out: make_labels(out, SEED + 2),
            "tiny": lambda out: make_photos(out, SEED + 3, a.cifar, [20] * 10),
            "mixed": lambda out: make_mixed(out, SEED + 4, grounds, test_grounds)}
    for name, made in make.items():
        out = os.path.join(a.out, name)
        if not os.path.exists(out):
            shutil.rmtree(out + ".part", ignore_errors=True)
            made(out + ".part")
            os.rename(out + ".part", out)
        print_counts(a.out, name)


if __name__ == "__main__":
    main()

"""CPU time a picture of RandAugment, TrivialAugmentWide and the policy learnt on ImageNet, at 224 x 224 on one core: skipzoo beside pillow.

    python bench_augment.py --skipzoo BINARY [--photos FOLDER] [--rounds 5] [--seconds 4]

Pillow's side is torchvision's: the same operations, magnitudes and probabilities, through the calls that its functions make of a
PIL image.  Ours is `BINARY benchmark --mode data`, by whose shares of the time the augmentation is told from decoding.  Both get the
same pictures: those of FOLDER, cut to squares of 224, or some made by formula.  The two take turns; one JSON line a measurement,
milliseconds a picture, and a last one of the medians and of how many times as fast ours is.
"""
import argparse
import glob
import json
import math
import os
import random
import statistics
import subprocess
import tempfile
import time

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

SIZE = 224
ENHANCERS = {"Brightness": ImageEnhance.Brightness, "Color": ImageEnhance.Color, "Contrast": ImageEnhance.Contrast,
             "Sharpness": ImageEnhance.Sharpness}
SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", *ENHANCERS)
OPERATIONS = ("Identity", *SIGNED, "Posterize", "Solarize", "AutoContrast", "Equalize")
# Cubuk et al. 2018 (arXiv:1805.09501), table 9: pairs of an operation, its probability and magnitude.
LEARNT = [(("Posterize", 0.4, 8), ("Rotate", 0.6, 9)), (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 0)),
          (("Equalize", 0.8, 0), ("Equalize", 0.6, 0)), (("Posterize", 0.6, 7), ("Posterize", 0.6, 6)),
          (("Equalize", 0.4, 0), ("Solarize", 0.2, 4)), (("Equalize", 0.4, 0), ("Rotate", 0.8, 8)),
          (("Solarize", 0.6, 3), ("Equalize", 0.6, 0)), (("Posterize", 0.8, 5), ("Equalize", 1.0, 0)),
          (("Rotate", 0.2, 3), ("Solarize", 0.6, 8)), (("Equalize", 0.6, 0), ("Posterize", 0.4, 6)),
          (("Rotate", 0.8, 8), ("Color", 0.4, 0)), (("Rotate", 0.4, 9), ("Equalize", 0.6, 0)),
          (("Equalize", 0.0, 0), ("Equalize", 0.8, 0)), (("Invert", 0.6, 0), ("Equalize", 1.0, 0)),
          (("Color", 0.6, 4), ("Contrast", 1.0, 8)), (("Rotate", 0.8, 8), ("Color", 1.0, 2)),
          (("Color", 0.8, 8), ("Solarize", 0.8, 7)), (("Sharpness", 0.4, 7), ("Invert", 0.6, 0)),
          (("ShearX", 0.6, 5), ("Equalize", 1.0, 0)), (("Color", 0.4, 0), ("Equalize", 0.6, 0)),
          (("Equalize", 0.4, 0), ("Solarize", 0.2, 4)), (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 0)),
          (("Invert", 0.6, 0), ("Equalize", 1.0, 0)), (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
          (("Equalize", 0.8, 0), ("Equalize", 0.6, 0))]


def magnitudes(most_shear, most_translation, most_rotation, most_factor, bits_off, bins):
    """torchvision's tables: of each operation the value of each magnitude."""
    def line(low, high):
        return np.linspace(low, high, bins).tolist()
    table = {"ShearX": line(0, most_shear), "ShearY": line(0, most_shear), "Rotate": line(0, most_rotation),
             "TranslateX": line(0, most_translation), "TranslateY": line(0, most_translation), "Solarize": line(255, 0)}
    table.update({name: line(0, most_factor) for name in ENHANCERS})
    table["Posterize"] = (8 - np.round(np.arange(bins) / ((bins - 1) / bits_off))).astype(int).tolist()
    return table


FAR = 150 / 331 * SIZE
RANDAUGMENT = magnitudes(0.3, FAR, 30, 0.9, 4, 31)
TRIVIAL_WIDE = magnitudes(0.99, 32, 135, 0.99, 6, 31)
OF_LEARNT = magnitudes(0.3, FAR, 30, 0.9, 4, 10)


def moved(picture, matrix):
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=None)


def apply(picture, name, value):
    if name in ENHANCERS:
        return ENHANCERS[name](picture).enhance(1 + value)
    if name == "Identity":
        return picture
    if name == "ShearX":
        return moved(picture, (1, -math.tan(math.atan(value)), 0, 0, 1, 0))
    if name == "ShearY":
        return moved(picture, (1, 0, 0, -math.tan(math.atan(value)), 1, 0))
    if name == "TranslateX":
        return moved(picture, (1, 0, -int(value), 0, 1, 0))
    if name == "TranslateY":
        return moved(picture, (1, 0, 0, 0, 1, -int(value)))
    if name == "Rotate":
        return picture.rotate(value, Image.Resampling.NEAREST)
    if name == "Posterize":
        return ImageOps.posterize(picture, value)
    if name == "Solarize":
        return ImageOps.solarize(picture, value)
    return {"AutoContrast": ImageOps.autocontrast, "Equalize": ImageOps.equalize, "Invert": ImageOps.invert}[name](picture)


def drawn(table, name, bin):
    value = table[name][bin] if name in table else 0
    return -value if name in SIGNED and random.random() < 0.5 else value


def randaugment(picture):
    for _ in range(2):
        name = random.choice(OPERATIONS)
        picture = apply(picture, name, drawn(RANDAUGMENT, name, 9))
    return picture


def trivial_wide(picture):
    name = random.choice(OPERATIONS)
    return apply(picture, name, drawn(TRIVIAL_WIDE, name, random.randrange(31)))


def learnt(picture):
    for name, probability, magnitude in random.choice(LEARNT):
        if random.random() < probability:
            picture = apply(picture, name, drawn(OF_LEARNT, name, magnitude))
    return picture


POLICIES = {"randaugment": randaugment, "trivial_wide": trivial_wide, "imagenet": learnt}


def of_pillow(pictures, policy, seconds):
    augment, spent, count = POLICIES[policy], 0.0, 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time()
        for picture in pictures:
            augment(picture)
        spent += time.process_time() - start
        count += len(pictures)
    return spent / count * 1e3


def of_skipzoo(binary, config, policy, seconds):
    done = subprocess.run([binary, "benchmark", "-c", config, "--mode", "data", "--workers", "0", "--threads", "1", "--seconds",
                           str(seconds), "--json", "--set", f"data.augment.auto_augment={policy}"], capture_output=True, text=True,
                          check=True)
    row = json.loads(done.stdout)["by_workers"][0]
    return row["cpu_ms"] * row["augment"]


def by_formula(number):
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    planes = [127 + 100 * np.sin(x / rng.uniform(5, 40) + c) * np.cos(y / rng.uniform(5, 40)) for c in range(3)]
    return Image.fromarray(np.clip(np.stack(planes, -1) + rng.normal(0, 12, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8))


def write_pictures(folder, photos):
    """A data set of two classes; its pictures as pillow reads them."""
    names = sorted(glob.glob(os.path.join(photos, "**", "*.jpg"), recursive=True))[:128] if photos else range(128)
    paths = []
    for i, name in enumerate(names):
        picture = ImageOps.fit(Image.open(name).convert("RGB"), (SIZE, SIZE)) if photos else by_formula(name)
        paths.append(os.path.join(folder, "train", "ab"[i % 2], f"{i}.jpg"))
        os.makedirs(os.path.dirname(paths[-1]), exist_ok=True)
        picture.save(paths[-1], quality=95)
    return [Image.open(path).convert("RGB") for path in paths]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--skipzoo", required=True, help="path of our binary")
    p.add_argument("--photos", help="a folder of JPEGs; else pictures by formula")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=4)
    a = p.parse_args()
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        pictures = write_pictures(folder, a.photos)
        config = os.path.join(folder, "net.yaml")
        with open(config, "w") as file:
            file.write("model: {family: resnet, num_classes: 2}\n"
                       f"data: {{dataset: image_folder, root: {folder}, image_size: {SIZE}, batch_size: 32}}\n")
        found = {policy: {"pillow": [], "skipzoo": []} for policy in POLICIES}
        for _ in range(a.rounds):
            for policy, times in found.items():
                times["pillow"].append(of_pillow(pictures, policy, a.seconds))
                times["skipzoo"].append(of_skipzoo(a.skipzoo, config, policy, a.seconds))
                print(json.dumps({"policy": policy, **{peer: round(t[-1], 4) for peer, t in times.items()}}), flush=True)
    for policy, times in found.items():
        medians = {peer: statistics.median(t) for peer, t in times.items()}
        print(json.dumps({"policy": policy, "medians": {peer: round(m, 4) for peer, m in medians.items()},
                          "times_as_fast": round(medians["pillow"] / medians["skipzoo"], 2)}), flush=True)


if __name__ == "__main__":
    main()

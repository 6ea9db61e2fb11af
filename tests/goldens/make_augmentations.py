"""What PIL, torchvision and timm make of small pictures, and their policies' tables.

    pip install pillow numpy torch torchvision timm && python make_augmentations.py FOLDER

Writes into FOLDER cases.txt, a line a picture or a result, and pixels.bin, the
pixels of each behind one another; tables.txt, the magnitudes of every policy.
A result's line: its source, the operation, what it is given. Made with Pillow 13,
torchvision 0.28 and timm 1.0.31.
"""
import importlib.util
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import v2
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

# The file alone: the package imports models.
spec = importlib.util.find_spec("timm")
place = pathlib.Path(spec.submodule_search_locations[0]) / "data/auto_augment.py"
spec = importlib.util.spec_from_file_location("auto_augment", place)
timm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(timm)

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(0)
cases, pixels = [], bytearray()


def smooth(height, width, channels, low=0, high=255):
    y, x = np.mgrid[0:height, 0:width]
    planes = [0.5 + 0.45 * np.sin(x / (3 + c) + c) * np.cos(y / (4 - c))
              + rng.normal(0, 0.08, (height, width)) for c in range(channels)]
    values = np.clip(low + (high - low) * np.stack(planes, -1), low, high).astype(np.uint8)
    return Image.fromarray(values[..., 0] if channels == 1 else values)


def add(line, picture):
    cases.append(line)
    pixels.extend(picture.tobytes())


def solarize_add(picture, by):
    return timm.solarize_add(picture, by)


RESAMPLING = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
FILL = (124, 116, 104)


def fill_of(picture):
    return FILL if picture.mode == "RGB" else FILL[0]


def moves(name, picture, few):
    w, h = picture.size
    matrices = [(1, 0.3, 0, 0, 1, 0), (1, 0, 0, -0.27, 1, 0), (1, 0, 4, 0, 1, 0), (1, 0, 0, 0, 1, -2.5),
                (0.9, 0.2, 1.3, -0.1, 1.1, -0.7)]
    angles = [-13.7, 30, 90, 180, 270, -4.5]
    for kind, code in RESAMPLING.items():
        for matrix in matrices[:2] if few else matrices:
            moved = picture.transform((w, h), Image.AFFINE, matrix, code, fillcolor=fill_of(picture))
            add(f"{name} transform {kind} " + " ".join(map(str, matrix)), moved)
        for angle in angles[:1] if few else angles:
            add(f"{name} rotate {kind} {angle}", picture.rotate(angle, code, fillcolor=fill_of(picture)))


def points(name, picture, few):
    add(f"{name} autocontrast", ImageOps.autocontrast(picture))
    add(f"{name} equalize", ImageOps.equalize(picture))
    add(f"{name} invert", ImageOps.invert(picture))
    for bits in (4,) if few else (1, 4, 7):
        add(f"{name} posterize {bits}", ImageOps.posterize(picture, bits))
    for threshold in (100,) if few else (0, 100, 127.5, 256):
        add(f"{name} solarize {threshold}", ImageOps.solarize(picture, threshold))
    for by in (40,) if few else (0, 40, 110):
        add(f"{name} solarize_add {by}", solarize_add(picture, by))
    for kind, enhancer in (("color", ImageEnhance.Color), ("contrast", ImageEnhance.Contrast),
                           ("brightness", ImageEnhance.Brightness), ("sharpness", ImageEnhance.Sharpness)):
        for factor in (0.3, 1.7) if few else (0, 0.1, 0.73, 1, 1.27, 1.9):
            add(f"{name} {kind} {factor}", enhancer(picture).enhance(factor))
    for turn in (0.2,) if few else (-0.5, -0.07, 0.1, 0.33):
        add(f"{name} hue {turn}", F.adjust_hue(picture, turn))
    add(f"{name} grey", F.to_grayscale(picture, num_output_channels=len(picture.getbands())))
    add(f"{name} vflip", F.vertical_flip(picture))


def blurred(picture, size, sigma):
    """torchvision's gaussian_blur in NumPy, in double."""
    values = np.asarray(picture, np.float64)
    values = values.reshape(picture.height, picture.width, -1)
    at = np.arange(size) - size // 2
    weights = np.exp(-at**2 / (2 * sigma**2))
    weights /= weights.sum()
    half = size // 2
    padded = np.pad(values, ((half, half), (half, half), (0, 0)), "reflect")
    rows = sum(w * padded[i:i + picture.height] for i, w in enumerate(weights))
    both = sum(w * rows[:, i:i + picture.width] for i, w in enumerate(weights))
    return Image.fromarray(np.rint(both).astype(np.uint8).reshape(np.asarray(picture).shape))


def torchvision_operations(name, picture):
    for policy, kind, bins in (("randaugment", v2.RandAugment(), 31),
                               ("trivial_wide", v2.TrivialAugmentWide(), 31)):
        for operation, (magnitudes, signed) in kind._AUGMENTATION_SPACE.items():
            given = [bins, picture.height, picture.width]
            values = magnitudes(*given)
            for chosen in (9, 30) if values is not None else (0,):
                for sign in (1, -1) if signed else (1,):
                    value = 0.0 if values is None else sign * float(values[chosen])
                    mode = InterpolationMode.NEAREST
                    moved = kind._apply_image_or_video_transform(picture, operation, value, mode, {})
                    add(f"{name} {policy} {operation} {chosen} {sign}", moved)


def timm_operations(name, picture):
    for operation in timm._RAND_INCREASING_TRANSFORMS:
        for level in (2.5, 7):
            timm._randomly_negate = lambda v: v
            level_fn = timm.LEVEL_TO_ARG[operation]
            arguments = level_fn(level, timm._HPARAMS_DEFAULT) if level_fn else ()
            moved = timm.NAME_TO_OP[operation](picture, *arguments, fillcolor=fill_of(picture),
                                               resample=Image.BICUBIC)
            add(f"{name} timm {operation} {level}", moved)


def mixed(name, picture):
    """timm's AugMix of three chains: autocontrast; posterize, invert; rotate."""
    chains = [ImageOps.autocontrast, lambda p: ImageOps.invert(ImageOps.posterize(p, 3)),
              lambda p: p.rotate(11, Image.BICUBIC, fillcolor=fill_of(p))]
    for weights, share in (((0.5, 0.3, 0.2), 0.4), ((0.1, 0.2, 0.7), 0.93)):
        rest = iter(chains)
        mix = timm.AugMixAugment([lambda p: next(rest)(p)], depth=1)
        result = mix._apply_basic(picture, np.float32(weights), np.float32(share))
        add(f"{name} augmix {share} " + " ".join(map(str, weights)), result)


for name, picture, few in (
        ("colour", smooth(13, 25, 3), False), ("grey", smooth(15, 22, 1), False),
        ("dull", smooth(12, 17, 3, 90, 140), True), ("square", smooth(16, 16, 3), False),
        ("dot", smooth(1, 1, 3), True), ("grey_dot", smooth(1, 1, 1), True),
        ("line", smooth(1, 9, 3), True), ("column", smooth(7, 2, 1), True)):
    w, h = picture.size
    add(f"picture {name} {len(picture.getbands())} {h} {w}", picture)
    points(name, picture, few or name == "square")
    moves(name, picture, few)
    for size, sigma in ((3, 0.5), (5, 1.3), (9, 2.0)):
        add(f"{name} blur {size} {sigma}", blurred(picture, size, sigma))
    if name == "square":
        torchvision_operations(name, picture)
        timm_operations(name, picture)
        mixed(name, picture)

(folder / "cases.txt").write_text("\n".join(cases) + "\n")
(folder / "pixels.bin").write_bytes(pixels)

# policy operation bins height width: value of each bin, where it has any.
tables = []
for policy, kind, bins in (("randaugment", v2.RandAugment, 31), ("trivial_wide", v2.TrivialAugmentWide, 31),
                           ("learnt", v2.AutoAugment, 10)):
    for operation, (magnitudes, signed) in kind._AUGMENTATION_SPACE.items():
        for height, width in ((224, 200),):
            values = magnitudes(bins, height, width)
            values = [] if values is None else [float(v) for v in values]
            tables.append(f"{policy} {operation} {int(signed)} {bins} {height} {width} "
                          + " ".join(map(repr, values)))
for word in ("imagenet", "cifar10", "svhn"):
    policies = v2.AutoAugment(v2.AutoAugmentPolicy(word))._policies
    for number, pair in enumerate(policies):
        for operation, p, magnitude in pair:
            tables.append(f"{word} {number} {operation} {p} {-1 if magnitude is None else magnitude}")
for operation in timm._RAND_INCREASING_TRANSFORMS:
    for level in (0, 0.5, 2.5, 5, 7, 9.3, 10):
        for sign in 1, -1:
            timm._randomly_negate = lambda v: sign * v
            level_fn = timm.LEVEL_TO_ARG[operation]
            values = level_fn(level, timm._HPARAMS_DEFAULT) if level_fn else ()
            tables.append(f"timm {operation} {level} {sign} " + " ".join(map(repr, values)))
tables.append("rand_increasing " + " ".join(timm._RAND_INCREASING_TRANSFORMS))
tables.append("augmix " + " ".join(timm._AUGMIX_TRANSFORMS))
(folder / "tables.txt").write_text("\n".join(line.strip() for line in tables) + "\n")

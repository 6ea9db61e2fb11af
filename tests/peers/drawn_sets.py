"""The two of photo_sets.py's sets that are drawn: shapes with several labels, and pointers in every format people have.

Shapes are drawn at four times their size and made smaller, so that their edges are smooth.  Whatever is random comes from a generator
that the picture's number seeds: pictures do not depend on each other.
"""
import colorsys
import csv
import math
import os

import numpy as np
from PIL import Image, ImageDraw

FINER = 4
KINDS = ("circle", "cross", "square", "star", "triangle")
DIRECTIONS = ("up", "right", "down", "left")


def polar(angle, radius):
    return radius * math.sin(angle), -radius * math.cos(angle)


def outline(kind):
    """A shape's corners, within the circle of radius 1."""
    if kind == "circle":
        return [polar(2 * math.pi * i / 48, 1) for i in range(48)]
    if kind in ("square", "triangle"):
        corners = 4 if kind == "square" else 3
        return [polar(2 * math.pi * i / corners, 1) for i in range(corners)]
    if kind == "star":
        return [polar(math.pi * i / 5, 0.42 if i % 2 else 1) for i in range(10)]
    a, b = 0.28, 0.96
    return [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]


def pointer(kind):
    """The polygons of a glyph that points up, within the circle of radius 1."""
    if kind == "arrow":
        return [[(0, -1), (0.7, -0.2), (0.25, -0.2), (0.25, 0.95), (-0.25, 0.95), (-0.25, -0.2), (-0.7, -0.2)]]
    if kind == "chevron":
        return [[(0, -0.75), (0.9, 0.25), (0.9, 0.75), (0, -0.15), (-0.9, 0.75), (-0.9, 0.25)]]
    if kind == "letter A":
        return [[(-0.16, -0.95), (0.16, -0.95), (0.7, 0.75), (0.42, 0.75), (0, -0.6), (-0.42, 0.75), (-0.7, 0.75)],
                [(-0.42, 0.1), (0.42, 0.1), (0.5, 0.35), (-0.5, 0.35)]]
    return [[(0, -0.95), (0.75, -0.25), (0.75, 0.7), (-0.75, 0.7), (-0.75, -0.25)]]  # a house


def turned(points, angle, radius, centre):
    sine, cosine = math.sin(angle) * radius, math.cos(angle) * radius
    return [(centre[0] + x * cosine - y * sine, centre[1] + x * sine + y * cosine) for x, y in points]


def colour(rng, unlike, distance=110):
    """A colour that can be told from this one."""
    while True:
        found = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.2, 1), rng.uniform(0.1, 1))) * 255
        if np.linalg.norm(found - unlike) > distance:
            return tuple(int(v) for v in found)


def paint(picture, polygons, fill, line=0):
    """Polygons (in pixels) on a picture; line: the width of an outline instead of a surface."""
    layer = Image.new("L", [side * FINER for side in picture.size])
    draw = ImageDraw.Draw(layer)
    for points in polygons:
        points = [(x * FINER, y * FINER) for x, y in points]
        if line:
            draw.line(points + points[:2], fill=255, width=int(line * FINER), joint="curve")
        else:
            draw.polygon(points, fill=255)
    picture.paste(fill, mask=layer.resize(picture.size, Image.BOX))


def noisy_ground(rng, side):
    """Two colours that run into each other, clouds and grain."""
    y, x = np.mgrid[:side, :side] / side
    angle = rng.uniform(0, 2 * math.pi)
    share = np.clip(0.5 + (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle), 0, 1)[..., None]
    ground = rng.uniform(0, 255, 3) * share + rng.uniform(0, 255, 3) * (1 - share)
    clouds = Image.fromarray(rng.integers(0, 256, (7, 7, 3), np.uint8)).resize((side, side), Image.BICUBIC)
    ground += (np.asarray(clouds, float) - 128) * rng.uniform(0.05, 0.25)
    ground += rng.normal(0, rng.uniform(3, 14), (side, side, 3))
    return Image.fromarray(ground.clip(0, 255).astype(np.uint8))


def shapes_picture(rng, empty, side=96):
    """A picture and the kinds of shape on it; strokes that are no shape lie on all of them."""
    picture = noisy_ground(rng, side)
    for _ in range(rng.integers(0, 3)):
        ends = [tuple(rng.uniform(0, side, 2)) for _ in range(2)]
        paint(picture, [ends], tuple(int(v) for v in rng.integers(0, 256, 3)), rng.uniform(1, 3))
    placed = []
    for kind in [] if empty else rng.choice(KINDS, rng.integers(1, 4)):
        for _ in range(50):
            radius = rng.uniform(13, 25)
            centre = rng.uniform(radius, side - radius, 2)
            if all(np.linalg.norm(centre - c) > 0.9 * (radius + r) for _, c, r in placed):
                break
        else:
            continue
        x, y = centre.astype(int)
        ground = np.asarray(picture, float)[max(y - 8, 0):y + 8, max(x - 8, 0):x + 8].mean((0, 1))
        points = turned(outline(kind), rng.uniform(0, 2 * math.pi), radius, centre)
        paint(picture, [points], colour(rng, ground), rng.uniform(2, 4) if rng.random() < 0.2 else 0)
        placed.append((kind, centre, radius))
    return picture, sorted({str(kind) for kind, _, _ in placed})


def make_labels(out, seed):
    """pictures.csv of 1,500 and test.csv of 500; a picture in 25 shows no shape."""
    for table, folder, count, first in (("pictures.csv", "images", 1500, 0), ("test.csv", "test", 500, 1500)):
        os.makedirs(os.path.join(out, folder))
        with open(os.path.join(out, table), "w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("path", "label"))
            for i in range(count):
                picture, kinds = shapes_picture(np.random.default_rng([seed, first + i]), empty=i % 25 == 24)
                name = f"{folder}/{i:04}.jpg"
                picture.save(os.path.join(out, name), quality=88)
                rows.writerow((name, "|".join(kinds)))


def pointer_picture(rng, ground, direction):
    """A glyph on an enlarged photo.  It lies within the middle square: no program that crops the middle loses it."""
    size = rng.integers(80, 401, 2)
    size = np.clip(size, size.max() / 1.6, None).astype(int)
    picture = ground.resize(size.tolist(), Image.BICUBIC)
    grain = rng.normal(0, rng.uniform(0, 10), (size[1], size[0], 1))
    picture = Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))
    short = size.min()
    radius = short * rng.uniform(0.3, 0.46)
    centre = size / 2 + rng.uniform(-1, 1, 2) * (short / 2 - radius)
    x, y, r = *centre.astype(int), int(radius)
    under = np.asarray(picture, float)[y - r:y + r, x - r:x + r].mean((0, 1))
    angle = DIRECTIONS.index(direction) * math.pi / 2 + math.radians(rng.uniform(-15, 15))
    polygons = [turned(p, angle, radius, centre) for p in pointer(rng.choice(("arrow", "chevron", "letter A", "house")))]
    paint(picture, polygons, colour(rng, under, 150))
    return picture


def save_jpeg(rng, picture, stem, orientation):
    """As a camera does that writes the sensor's pixels and says how it was held."""
    stored = {1: None, 3: Image.ROTATE_180, 6: Image.ROTATE_90, 8: Image.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    ending = rng.choice((".jpg", ".jpg", ".jpeg", ".JPG"))
    (picture if stored is None else picture.transpose(stored)).save(stem + ending, quality=90, exif=exif)


def save_alpha(rng, picture, stem):
    """Half transparent in places; the colours under it stay."""
    alpha = Image.fromarray(rng.integers(90, 256, (5, 5), np.uint8)).resize(picture.size, Image.BILINEAR)
    picture.putalpha(alpha)
    picture.save(stem + ".png")


def save_grey16(picture, stem):
    grey = np.asarray(picture.convert("L"), np.uint16) * 257
    Image.fromarray(grey).save(stem + ".png")


def save_as(rng, picture, stem, form):
    if form.startswith("jpeg"):
        save_jpeg(rng, picture, stem, int(rng.choice((3, 6, 8))) if form == "jpeg turned" else 1)
    elif form == "png alpha":
        save_alpha(rng, picture, stem)
    elif form == "png 16 bits":
        save_grey16(picture, stem)
    elif form == "png palette":
        picture.quantize(64).save(stem + ".png")
    elif form == "cmyk":
        picture.convert("CMYK").save(stem + ".jpg", quality=90)
    else:
        picture.save(f"{stem}.{form}")


FORMS = {"jpeg turned": 30, "jpeg": 30, "webp": 15, "png alpha": 15, "png palette": 12, "gif": 12, "bmp": 12, "tiff": 12,
         "png 16 bits": 6, "cmyk": 6}


def add_broken(out, rng):
    """What else lies in such folders: half a picture, and seven files that are none, whatever their names say."""
    jpeg = sorted(f for f in os.listdir(os.path.join(out, "up")) if f.lower().endswith(".jpg"))[0]
    whole = open(os.path.join(out, "up", jpeg), "rb").read()
    noise, fork = rng.bytes(4000), b"\0\5\x16\7\0\2\0\0Mac OS X        \0\2" + bytes(80)
    broken = {"up/cut_off.jpg": whole[:len(whole) // 2], "right/empty.jpg": b"", "down/notes.jpg": b"rename these some day\n",
              "left/IMG_2041.heic": noise, "up/Thumbs.db": noise[:1500], "left/._0003.jpg": fork,
              "__MACOSX/up/._0001.jpg": fork, "__MACOSX/left/._0002.jpg": fork}
    for name, content in broken.items():
        os.makedirs(os.path.dirname(os.path.join(out, name)), exist_ok=True)
        with open(os.path.join(out, name), "wb") as file:
            file.write(content)


def make_mixed(out, seed, grounds, test_grounds):
    """150 a class in ten forms, with broken ones between them, and 100 a class of upright JPEG and PNG; grounds: paths of photos."""
    kept = [form for form, count in FORMS.items() for _ in range(count)]
    for part, forms, photos in (("pictures", kept, grounds), ("test", ["jpeg", "png"] * 50, test_grounds)):
        for c, direction in enumerate(DIRECTIONS):
            os.makedirs(os.path.join(out, part, direction))
            for i, form in enumerate(forms):
                rng = np.random.default_rng([seed, c, i, part == "test"])
                picture = pointer_picture(rng, Image.open(rng.choice(photos)).convert("RGB"), direction)
                save_as(rng, picture, os.path.join(out, part, direction, f"{i:04}"), form)
    add_broken(os.path.join(out, "pictures"), np.random.default_rng(seed))

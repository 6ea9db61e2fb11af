"""Small pictures of every kind, and what PIL makes of them.

    pip install pillow numpy && python make_pictures.py FOLDER

Writes into FOLDER each picture and beside it, as raw bytes, the pixels of
Image.open(...).convert("RGB") (.rgb) and .convert("L") (.grey); then a photo-like
picture (source.png) resized by PIL (.rgb each). 16-bit greys, which convert()
would clip, are shifted to 8 bits first.
"""
import pathlib
import sys

import numpy as np
from PIL import Image

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(0)


def smooth(height, width, channels):
    """Waves and a little noise: something that JPEG and resizing act upon."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin(x / (3 + c) + c) * np.cos(y / (4 - c))
              + rng.normal(0, 8, (height, width)) for c in range(channels)]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def keep(name, picture, **options):
    picture.save(folder / name, **options)
    opened = Image.open(folder / name)
    opened.load()
    if opened.mode.startswith("I"):
        opened = Image.fromarray((np.asarray(opened).astype(np.uint32) >> 8).astype(np.uint8))
    stem = folder / name
    stem.with_name(name + ".rgb").write_bytes(opened.convert("RGB").tobytes())
    stem.with_name(name + ".grey").write_bytes(opened.convert("L").tobytes())


H, W = 11, 13
rgb = Image.fromarray(smooth(H, W, 3))
grey = Image.fromarray(smooth(H, W, 1)[..., 0])
keep("rgb.jpg", rgb, quality=90)
keep("subsampled.jpg", rgb, quality=75, subsampling=2)
keep("progressive.jpg", rgb, quality=80, progressive=True)
keep("grey.jpg", grey, quality=90)
keep("cmyk.jpg", Image.fromarray(smooth(H, W, 4), "CMYK"), quality=95)
keep("rgb.png", rgb)
keep("grey.png", grey)
keep("rgba.png", Image.fromarray(smooth(H, W, 4), "RGBA"))
keep("grey_alpha.png", Image.fromarray(smooth(H, W, 2), "LA"))
keep("palette.png", rgb.quantize(16))
keep("palette_clear.png", rgb.quantize(16), transparency=3)
keep("one_bit.png", grey.convert("1"))
keep("grey16.png", Image.fromarray((smooth(H, W, 1)[..., 0].astype(np.uint16) << 8) + 200))

source = Image.fromarray(smooth(30, 41, 3))
source.save(folder / "source.png")
for name, method in ("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC):
    for width, height in (16, 12), (9, 30), (60, 50):
        resized = source.resize((width, height), method)
        (folder / f"source_{name}_{width}x{height}.rgb").write_bytes(resized.tobytes())
# torchvision's evaluation: Resize(18), CenterCrop(16).
view = source.resize((41 * 18 // 30, 18), Image.BILINEAR)
left, top = round((view.width - 16) / 2), round((view.height - 16) / 2)
view.crop((left, top, left + 16, top + 16)).save(folder / "view.png")
(folder / "source_view_16.rgb").write_bytes(view.crop((left, top, left + 16, top + 16)).tobytes())
(folder / "view.png").unlink()

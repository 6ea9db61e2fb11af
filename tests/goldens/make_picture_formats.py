"""Small BMP, GIF, TIFF and WebP files of many kinds, and what PIL makes of them.

    pip install pillow numpy tifffile && python make_picture_formats.py FOLDER

Writes into FOLDER each picture and beside it, as raw bytes, the pixels of
ImageOps.exif_transpose(Image.open(...)).convert("RGB") (.rgb); those called
turned_… have an EXIF orientation. 16-bit greys, which convert() would clip, are
shifted to 8 bits first. What PIL cannot write is put together byte by byte.
"""
import io
import pathlib
import struct
import sys

import numpy as np
import tifffile
from PIL import Image, ImageOps

folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
rng = np.random.default_rng(1)
H, W = 6, 9


def smooth(height, width, channels):
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin(x / (3 + c) + c) * np.cos(y / (4 - c))
              + rng.normal(0, 8, (height, width)) for c in range(channels)]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def keep(name, data):
    path = folder / name
    path.write_bytes(data)
    with Image.open(path) as opened:
        if opened.mode.startswith("I"):
            wide = np.asarray(opened).astype(np.uint32)
            opened = Image.fromarray((wide >> 8).astype(np.uint8))
        elif opened.mode == "La":
            opened = opened.convert("LA")
        upright = ImageOps.exif_transpose(opened)
        path.with_name(name + ".rgb").write_bytes(upright.convert("RGB").tobytes())


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


colours = smooth(H, W, 3)
rgb = Image.fromarray(colours)
grey = Image.fromarray(colours[..., 0])
rgba = Image.fromarray(smooth(H, W, 4), "RGBA")
few = rgb.quantize(12)


# BMP.

def packed_rows(values, bits, fill=4):
    """Rows of indices, packed, each filled up to a multiple of so many bytes."""
    rows = b""
    for row in values:
        text = "".join(format(int(v), f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        line = bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
        rows += line + bytes(-len(line) % fill)
    return rows


def bmp(bits, pixels, *, size=40, compression=0, masks=(), palette=b"", colours=0,
        height=H, width=W):
    if size == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression,
                           len(pixels), 0, 0, colours, 0)
        info += b"".join(struct.pack("<I", m) for m in masks)
        info += bytes(max(0, size - len(info)))
    start = 14 + len(info) + len(palette)
    return (b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
            + info + palette + pixels)


def rows_of(values, dtype):
    """Rows of whole pixels, filled up to four bytes."""
    out = b""
    for row in values:
        line = np.ascontiguousarray(row).astype(dtype).tobytes()
        out += line + bytes(-len(line) % 4)
    return out


indices = np.asarray(few).copy()
table = few.getpalette("RGB")[:36]
quads = b"".join(bytes([table[3 * i + 2], table[3 * i + 1], table[3 * i], 0]) for i in range(12))
triples = b"".join(bytes([table[3 * i + 2], table[3 * i + 1], table[3 * i]]) for i in range(12))
up = indices[::-1]
wide = colours.astype(np.uint32)
five = (wide[..., 0] >> 3) << 10 | (wide[..., 1] >> 3) << 5 | wide[..., 2] >> 3
six = (wide[..., 0] >> 3) << 11 | (wide[..., 1] >> 2) << 5 | wide[..., 2] >> 3
bgrx = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2] | 0x55000000
rgbx = wide[..., 0] | wide[..., 1] << 8 | wide[..., 2] << 16 | 0x55000000

keep("rgb.bmp", saved(rgb, "BMP"))
keep("grey.bmp", saved(grey, "BMP"))
keep("bilevel.bmp", saved(grey.convert("1"), "BMP"))
keep("1_bit.bmp", bmp(1, packed_rows(up % 2, 1), palette=quads[:8], colours=2))
keep("4_bits.bmp", bmp(4, packed_rows(up, 4), palette=quads + bytes(16)))
keep("8_bits.bmp", bmp(8, packed_rows(up, 8), palette=quads, colours=12))
keep("beyond_palette.bmp", bmp(8, packed_rows(up, 8), palette=quads[:28], colours=7))
keep("os2.bmp", bmp(8, packed_rows(up, 8), size=12, palette=triples + bytes(244 * 3)))
keep("os2_24_bits.bmp", bmp(24, rows_of(colours[::-1, :, ::-1], np.uint8), size=12))
keep("16_bits.bmp", bmp(16, rows_of(five[::-1], "<u2")))
keep("16_bits_565.bmp", bmp(16, rows_of(six[::-1], "<u2"), compression=3,
                            masks=(0xF800, 0x7E0, 0x1F)))
keep("top_down.bmp", bmp(24, rows_of(colours[..., ::-1], np.uint8), height=-H))
keep("32_bits.bmp", bmp(32, rows_of(bgrx[::-1], "<u4")))
keep("32_bits_masks.bmp", bmp(32, rows_of(rgbx[::-1], "<u4"), compression=3, size=108,
                              masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000)))


def run_lengths(rows, four):
    """Runs, spelled out runs and, in the first row, a jump."""
    out = b""
    for y, row in enumerate(rows):
        if y == 0:
            out += b"\x00\x02\x03\x00"  # Three to the right.
            row = row[3:]
        half = [int(v) for v in row]
        out += bytes([2, half[0] << 4 | half[0] if four else half[0]])
        spelled = half[2:]
        body = (packed_rows([spelled], 4, 1) if four else bytes(spelled))
        out += bytes([0, len(spelled)]) + body + bytes(len(body) % 2)
        out += b"\x00\x00"
    return out + b"\x00\x01"


keep("rle8.bmp", bmp(8, run_lengths(up, False), compression=1, palette=quads, colours=12))
keep("rle4.bmp", bmp(4, run_lengths(up, True), compression=2, palette=quads, colours=12))


# GIF.

def lzw(values, bits=8):
    """Codes of one pixel each, with a clear code before the table grows."""
    codes, size, stream, at = [], bits + 1, 0, 0
    for i, value in enumerate(values):
        if i % 100 == 0:
            codes.append(1 << bits)
        codes.append(int(value))
    for code in codes + [(1 << bits) + 1]:
        stream |= code << at
        at += size
    body = stream.to_bytes((at + 7) // 8, "little")
    blocks = b"".join(bytes([len(body[i:i + 255])]) + body[i:i + 255]
                      for i in range(0, len(body), 255))
    return bytes([bits]) + blocks + b"\0"


def gif(canvas, place, values, *, palette=b"", local=b"", clear=None):
    """A frame of 8-bit indices at (left, top, width, height)."""
    flags = 0x80 | 7 if palette else 0
    out = b"GIF89a" + struct.pack("<HHBBB", *canvas, flags, 5, 0) + palette
    if clear is not None:
        out += b"!\xF9\x04" + struct.pack("<BHB", 1, 0, clear) + b"\0"
    out += b"," + struct.pack("<HHHHB", *place, 0x80 | 7 if local else 0) + local
    return out + lzw(values) + b";"


full = bytes(table) + bytes(3 * 256 - 36)
keep("palette.gif", saved(few, "GIF", interlace=0))
interlaced = saved(Image.fromarray(np.tile(colours, (4, 2, 1))).quantize(12), "GIF", interlace=1)
assert interlaced[interlaced.index(b",\0\0\0\0") + 9] & 0x40  # PIL does it from 16 x 16 on.
keep("interlaced.gif", interlaced)
keep("grey.gif", saved(grey, "GIF"))
keep("no_palette.gif", gif((W, H), (0, 0, W, H), np.asarray(grey).ravel()))
keep("beyond_palette.gif", gif((W, H), (0, 0, W, H), indices.ravel() + 3,
                               local=full[:36] + bytes(3 * 256 - 36)))
keep("small_frame.gif", gif((W + 4, H + 3), (2, 1, W, H), indices.ravel(), palette=full))
keep("clear_canvas.gif", gif((W + 4, H + 3), (2, 1, W, H), indices.ravel(), palette=full, clear=4))
keep("large_frame.gif", gif((3, 2), (1, 2, W, H), indices.ravel(), palette=full))
keep("animated.gif", saved(few, "GIF", save_all=True, append_images=[rgba.convert("RGB").quantize(8)],
                           duration=50))


# TIFF.

def tiff(tags, data, order="<"):
    """Tags of shorts and longs as (number, type, values), and one strip."""
    tags = sorted(tags + [(273, 4, [0]), (279, 4, [len(data)])])
    start = 8 + 2 + 12 * len(tags) + 4
    entries, more = b"", b""
    place = start + sum(len(v) * (2 if t == 3 else 4) for _, t, v in tags
                        if len(v) * (2 if t == 3 else 4) > 4)
    for number, kind, values in tags:
        if number == 273:
            values = [place]
        body = struct.pack(order + ("H" if kind == 3 else "I") * len(values), *values)
        if len(body) > 4:
            body, more = struct.pack(order + "I", start + len(more)), more + body
        entries += struct.pack(order + "HHI", number, kind, len(values)) + body.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(tags)) + entries + bytes(4) + more + data


def shape(bits, photometric, more=()):
    return [(256, 3, [W]), (257, 3, [H]), (258, 3, [bits]), (259, 3, [1]),
            (262, 3, [photometric]), (277, 3, [1]), (278, 3, [H])] + list(more)


def of_tifffile(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, metadata=None, **options)
    return file.getvalue()


level = np.asarray(grey)
keep("rgb.tif", saved(rgb, "TIFF"))
keep("rgba.tif", saved(rgba, "TIFF"))
keep("lzw.tif", saved(rgb, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
keep("deflate.tif", saved(rgb, "TIFF", compression="tiff_adobe_deflate"))
keep("packbits.tif", saved(rgb, "TIFF", compression="packbits"))
keep("jpeg.tif", saved(rgb, "TIFF", compression="jpeg", quality=90))
keep("jpeg_ycbcr.tif", saved(rgb.convert("YCbCr"), "TIFF", compression="jpeg", quality=90))
keep("cmyk.tif", saved(Image.fromarray(smooth(H, W, 4), "CMYK"), "TIFF"))
keep("group4.tif", saved(grey.convert("1"), "TIFF", compression="group4"))
keep("bilevel.tif", saved(grey.convert("1"), "TIFF"))
keep("grey.tif", saved(grey, "TIFF"))
keep("grey_alpha.tif", saved(Image.fromarray(smooth(H, W, 2), "LA"), "TIFF"))
keep("palette.tif", saved(few, "TIFF"))
keep("grey16.tif", of_tifffile((level.astype(np.uint16) << 8) + 200))
keep("grey16_big_endian.tif", of_tifffile((level.astype(np.uint16) << 8) + 200, byteorder=">"))
keep("rgb16.tif", of_tifffile((colours.astype(np.uint16) << 8) + 99, photometric="rgb"))
keep("rgb16_big_endian.tif",
     of_tifffile((colours.astype(np.uint16) << 8) + 99, photometric="rgb", byteorder=">"))
keep("bigtiff.tif", of_tifffile(colours, photometric="rgb", bigtiff=True))
keep("planes.tif", of_tifffile(np.moveaxis(colours, -1, 0), photometric="rgb",
                               planarconfig="separate", rowsperstrip=2))
keep("tiles.tif", of_tifffile(smooth(18, 21, 3), photometric="rgb", tile=(16, 16)))
alpha = smooth(H, W, 1).astype(np.uint32)
alpha[0, :3] = 0
multiplied = np.concatenate([colours * alpha // 255, alpha], -1).astype(np.uint8)
keep("multiplied.tif", of_tifffile(multiplied, photometric="rgb", extrasamples=["assocalpha"]))
keep("grey_2_bits.tif", tiff(shape(2, 1), packed_rows(level >> 6, 2, 1)))
keep("grey_4_bits_white.tif", tiff(shape(4, 0), packed_rows(level >> 4, 4, 1)))
keep("grey_white.tif", tiff(shape(8, 0), level.tobytes(), ">"))
map16 = [257 * table[3 * i + c] if i < 12 else 0 for c in range(3) for i in range(16)]
keep("palette_4_bits.tif", tiff(shape(4, 3, [(320, 3, map16)]), packed_rows(indices, 4, 1)))
keep("two_pages.tif", saved(rgb, "TIFF", save_all=True, append_images=[grey]))


# WebP.

def riff(chunks):
    body = b"WEBP" + b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
                              for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def three(value):
    return struct.pack("<I", value)[:3]


keep("lossy.webp", saved(rgb, "WEBP", quality=80))
keep("lossless.webp", saved(rgb, "WEBP", lossless=True))
keep("lossy_alpha.webp", saved(rgba, "WEBP", quality=80))
keep("lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True))
keep("animated.webp", saved(rgb, "WEBP", save_all=True, lossless=True, duration=50,
                            append_images=[rgba.convert("RGB")]))
picture = saved(rgb, "WEBP", lossless=True)[12:]  # A VP8L chunk.
frame = three(1) + three(2) + three(W - 1) + three(H - 1) + three(50) + b"\0" + picture
keep("small_frame.webp", riff([
    (b"VP8X", b"\x02\0\0\0" + three(W + 5) + three(H + 4)),
    (b"ANIM", struct.pack("<IH", 0xFF00FF00, 0)), (b"ANMF", frame)]))


# EXIF's orientation.

def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


for orientation in range(1, 9):
    keep(f"turned_{orientation}.png", saved(rgb, "PNG", exif=exif(orientation)))
keep("turned_5.jpg", saved(rgb, "JPEG", quality=90, exif=exif(5)))
keep("turned_6.webp", saved(rgb, "WEBP", lossless=True, exif=exif(6)))
keep("turned_8.tif", saved(rgb, "TIFF", exif=exif(8)))

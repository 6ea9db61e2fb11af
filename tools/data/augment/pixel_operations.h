#pragma once

#include <cstdint>

#include "tools/data/image.h"

namespace skipzoo {

// What PIL does to pixels one by one, of grey pictures and of RGB, in place and
// to PIL's very values. Policies are made of these (augment/operation.h).

/// ImageOps.autocontrast: each channel's darkest value becomes 0, its lightest
/// 255.
void autocontrast(Image& image);
/// ImageOps.equalize: each channel's values become equally frequent.
void equalize(Image& image);
/// ImageOps.invert.
void invert(Image& image);
/// ImageOps.posterize: keeps the upper `bits` of 8, which may be 0.
void posterize(Image& image, int64_t bits);
/// ImageOps.solarize: inverts what is at least the threshold.
void solarize(Image& image, double threshold);
/// Adds to what is below the threshold, up to 255 (Cubuk et al. 2019,
/// arXiv:1909.13719; timm's SolarizeAdd).
void solarize_add(Image& image, int64_t add, int64_t threshold = 128);

// ImageEnhance: away from a plain version of the picture by a factor. 0 is the
// plain version, 1 the picture, above 1 more than that.

/// From grey. A grey picture stays as it is.
void adjust_color(Image& image, double factor);
/// From the mean of the grey picture.
void adjust_contrast(Image& image, double factor);
/// From black.
void adjust_brightness(Image& image, double factor);
/// From ImageFilter.SMOOTH; the outermost pixels stay as they are.
void adjust_sharpness(Image& image, double factor);

/// torchvision's adjust_hue of a PIL image: turns HSV's hue by `turn`, -0.5 …
/// 0.5 of the circle. A grey picture stays as it is.
void adjust_hue(Image& image, double turn);
/// convert("L"), in as many channels as before.
void make_grey(Image& image);

/// PIL's Image.blend: each of `count` values of `to` becomes
/// from + alpha (to - from), cut to a whole number in 0 … 255.
void blend(const uint8_t* from, uint8_t* to, int64_t count, float alpha);

}  // namespace skipzoo

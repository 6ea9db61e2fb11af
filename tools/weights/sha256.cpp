#include "tools/weights/sha256.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#include "tools/error.h"

namespace skipzoo {

namespace {

/// Fractional parts of the cube roots of the first 64 primes (section 4.2.2).
constexpr std::array<uint32_t, 64> kRounds = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr size_t kBlock = 64;

uint32_t big_endian(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 |
         uint32_t{p[3]};
}

class Sha256 {
 public:
  /// Whole blocks of 64 bytes.
  void blocks(const uint8_t* data, size_t count) {
    for (size_t i = 0; i < count; ++i) block(data + i * kBlock);
  }

  /// The last bytes, fewer than a block, of `total` in all (section 5.1.1).
  std::string finish(const uint8_t* rest, size_t size, uint64_t total) {
    std::array<uint8_t, 2 * kBlock> end{};
    std::memcpy(end.data(), rest, size);
    end[size] = 0x80;
    const size_t count = size < kBlock - 8 ? 1 : 2;
    for (size_t i = 0; i < 8; ++i) {
      end[count * kBlock - 1 - i] = static_cast<uint8_t>(total * 8 >> 8 * i);
    }
    blocks(end.data(), count);
    std::string text;
    for (const uint32_t word : state_) {
      for (int shift = 28; shift >= 0; shift -= 4) {
        text += "0123456789abcdef"[word >> shift & 15];
      }
    }
    return text;
  }

 private:
  /// Section 6.2.2.
  void block(const uint8_t* data) {
    std::array<uint32_t, 64> w;
    for (size_t t = 0; t < 16; ++t) w[t] = big_endian(data + 4 * t);
    for (size_t t = 16; t < 64; ++t) {
      const uint32_t a = w[t - 15], b = w[t - 2];
      w[t] = w[t - 16] + w[t - 7] +
             (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) +
             (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (size_t t = 0; t < 64; ++t) {
      const uint32_t one =
          h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
          ((e & f) ^ (~e & g)) + kRounds[t] + w[t];
      const uint32_t two =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) +
          ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + one;
      d = c, c = b, b = a, a = one + two;
    }
    const std::array<uint32_t, 8> now = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; ++i) state_[i] += now[i];
  }

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                    0xa54ff53a, 0x510e527f, 0x9b05688c,
                                    0x1f83d9ab, 0x5be0cd19};
};

}  // namespace

std::string sha256(std::string_view bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const size_t count = bytes.size() / kBlock;
  Sha256 hash;
  hash.blocks(data, count);
  return hash.finish(data + count * kBlock, bytes.size() % kBlock,
                     bytes.size());
}

std::string sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  // A multiple of a block: only the last piece leaves a rest.
  std::vector<uint8_t> piece(size_t{1} << 20);
  Sha256 hash;
  uint64_t total = 0;
  for (;;) {
    file.read(reinterpret_cast<char*>(piece.data()),
              static_cast<std::streamsize>(piece.size()));
    const auto size = static_cast<size_t>(file.gcount());
    const size_t count = size / kBlock;
    total += size;
    hash.blocks(piece.data(), count);
    if (file) continue;
    if (!file.eof()) throw FileError(path, "cannot be read");
    return hash.finish(piece.data() + count * kBlock, size % kBlock, total);
  }
}

}  // namespace skipzoo

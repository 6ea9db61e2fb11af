#include "tools/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tools/error.h"

namespace skipzoo {

namespace {

class Sha256 {
 public:
  Sha256() {
    check(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void add(const char* bytes, size_t size) {
    check(EVP_DigestUpdate(context_.get(), bytes, size));
  }
  std::string digits() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    check(EVP_DigestFinal_ex(context_.get(), hash.data(), &size));
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += "0123456789abcdef"[hash[i] >> 4];
      text += "0123456789abcdef"[hash[i] & 15];
    }
    return text;
  }

 private:
  static void check(bool success) {
    if (!success) throw std::runtime_error("OpenSSL computes no SHA-256 here");
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{
      EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.digits();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> piece(size_t{1} << 20);
  Sha256 hash;
  do {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hash.add(piece.data(), static_cast<size_t>(file.gcount()));
  } while (file);
  if (!file.eof()) throw FileError(path, "cannot be read");
  return hash.digits();
}

}  // namespace skipzoo

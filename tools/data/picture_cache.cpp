#include "tools/data/picture_cache.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <vector>

#include "tools/memory.h"
#include "tools/sha256.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

class InMemory : public PictureCache {
 public:
  explicit InMemory(int64_t pictures) : kept_(static_cast<size_t>(pictures)) {}

  Image get(int64_t index, const std::function<Image()>& make) override {
    if (const auto image = kept(index)) return *image;
    Image image = make();
    auto copy = std::make_shared<const Image>(image);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (has_room(image.pixels.size())) {
      kept_[static_cast<size_t>(index)] = std::move(copy);
    }
    return image;
  }

 private:
  std::shared_ptr<const Image> kept(int64_t index) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return kept_[static_cast<size_t>(index)];
  }

  /// Asks the system now and then. A fifth of the memory stays free for the
  /// network and for others.
  bool has_room(size_t bytes) {
    constexpr size_t kUnasked = size_t{16} << 20;
    constexpr double kFree = 0.2;
    if (is_full_) return false;
    since_asked_ += bytes;
    if (since_asked_ < kUnasked) return true;
    since_asked_ = 0;
    is_full_ =
        static_cast<double>(available_memory()) < kFree * memory_of_machine();
    if (is_full_) {
      spdlog::warn(
          "data.cache: ram: memory has room for some of the pictures; the "
          "others are read each time");
    }
    return !is_full_;
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<const Image>> kept_;
  size_t since_asked_ = 0;
  bool is_full_ = false;
};

/// What stands before the pixels in a file.
struct Header {
  char magic[8];
  int64_t channels, height, width;
  uint64_t checksum;
};
constexpr char kMagic[8] = {'s', 'k', 'i', 'p', 'z', 'o', 'o', '1'};

uint64_t checksum_of(const std::vector<uint8_t>& pixels) {
  return crc32_z(0, pixels.data(), pixels.size());
}

/// Nothing where it is not there, or not whole.
std::optional<Image> read_kept(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Header header = {};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof(header)) ||
      std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      header.channels < 1 || header.channels > 3 || header.height < 1 ||
      header.width < 1 || header.height > kMostPixels ||
      header.width > kMostPixels / header.height) {
    return std::nullopt;
  }
  std::error_code error;
  const auto size = fs::file_size(path, error);
  const auto pixels = header.channels * header.height * header.width;
  if (error || size != sizeof(header) + static_cast<uint64_t>(pixels)) {
    return std::nullopt;
  }
  Image image(header.channels, header.height, header.width);
  file.read(reinterpret_cast<char*>(image.pixels.data()), pixels);
  if (!file || checksum_of(image.pixels) != header.checksum) {
    return std::nullopt;
  }
  return image;
}

/// Not flushed to the disk: what a crash leaves is found by its checksum.
/// Returns whether it was written.
bool write_kept(const fs::path& path, const Image& image) {
  static std::atomic<uint64_t> number = 0;
  Header header = {.magic = {},
                   .channels = image.channels,
                   .height = image.height,
                   .width = image.width,
                   .checksum = checksum_of(image.pixels)};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path part = path.string() + "." + std::to_string(getpid()) + "-" +
                        std::to_string(number++);
  {
    std::ofstream file(part, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&header), sizeof(header));
    file.write(reinterpret_cast<const char*>(image.pixels.data()),
               static_cast<std::streamsize>(image.pixels.size()));
    file.close();
    if (file) fs::rename(part, path, error);
    if (file && !error) return true;
  }
  fs::remove(part, error);
  return false;
}

class OnDisk : public PictureCache {
 public:
  OnDisk(DatasetPtr data, std::string step)
      : data_(std::move(data)),
        step_(std::move(step)),
        folder_(folder_of_kept_pictures()) {}

  Image get(int64_t index, const std::function<Image()>& make) override {
    const auto path = place_of_kept(index);
    if (path.empty()) return make();
    if (auto kept = read_kept(path)) return std::move(*kept);
    Image image = make();
    if (!write_kept(path, image) && !is_said_.exchange(true)) {
      spdlog::warn(
          "data.cache: disk: {} cannot be written; pictures are read "
          "each time",
          folder_.string());
    }
    return image;
  }

 private:
  /// Empty where the picture is no file that is there.
  fs::path place_of_kept(int64_t index) const {
    const auto file = data_->file(index);
    struct stat status {};
    if (file.empty() || folder_.empty() || ::stat(file.c_str(), &status) != 0) {
      return {};
    }
    std::string text = fs::absolute(file).string() + '\n' + step_;
    // A program may set the time of writing back, not that of the change.
    for (const int64_t one :
         {int64_t{status.st_size}, static_cast<int64_t>(status.st_ino),
          int64_t{status.st_mtim.tv_sec}, int64_t{status.st_mtim.tv_nsec},
          int64_t{status.st_ctim.tv_sec}, int64_t{status.st_ctim.tv_nsec}}) {
      text += '\n' + std::to_string(one);
    }
    const auto key = sha256(text);
    return folder_ / key.substr(0, 2) / key.substr(2);
  }

  DatasetPtr data_;
  std::string step_;
  fs::path folder_;
  std::atomic<bool> is_said_ = false;
};

}  // namespace

std::shared_ptr<PictureCache> keep_in_memory(int64_t pictures) {
  return std::make_shared<InMemory>(pictures);
}

std::shared_ptr<PictureCache> keep_on_disk(DatasetPtr data,
                                           const std::string& step) {
  return std::make_shared<OnDisk>(std::move(data), step);
}

fs::path folder_of_kept_pictures() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') {
    return fs::path(cache) / "skipzoo" / "pictures";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return fs::path(home) / ".cache" / "skipzoo" / "pictures";
}

}  // namespace skipzoo

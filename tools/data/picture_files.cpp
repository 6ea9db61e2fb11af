#include "tools/data/picture_files.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <system_error>

#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

void sort_by_bytes(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(),
            [](const fs::path& a, const fs::path& b) {
              return a.native() < b.native();
            });
}

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

/// Links to folders are not followed: they may lead round in a circle.
std::vector<fs::path> pictures_below(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::recursive_directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    if (is_hidden(it->path())) {
      it.disable_recursion_pending();
    } else if (is_picture(it->path()) && !it->is_directory()) {
      paths.push_back(it->path());
    }
  }
  if (error) throw FileError(folder, "cannot be listed: " + error.message());
  if (paths.empty()) throw FileError(folder, "no JPEG or PNG in or below it");
  sort_by_bytes(paths);
  return paths;
}

std::vector<fs::path> lines_of(std::istream& list, const std::string& name) {
  std::vector<fs::path> paths;
  for (std::string line; std::getline(list, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) paths.emplace_back(line);
  }
  if (paths.empty()) {
    throw FileError(name, "names no picture; expected one path a line");
  }
  return paths;
}

/// The label of each picture is its place: what could not be read is missing
/// from a batch, and the rest is known by it.
class PictureList : public Dataset {
 public:
  PictureList(std::vector<fs::path> files, int64_t channels)
      : files_(std::move(files)), channels_(channels) {}

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  Image image(int64_t index) const override {
    return read_image(files_[static_cast<size_t>(index)], channels_);
  }
  int64_t label(int64_t index) const override { return index; }
  std::string name(int64_t index) const override {
    return files_[static_cast<size_t>(index)].string();
  }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  std::vector<fs::path> files_;
  int64_t channels_;
  std::vector<std::string> classes_;  ///< None.
};

}  // namespace

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (!is_hidden(it->path())) paths.push_back(it->path());
  }
  if (error) throw FileError(folder, "cannot be listed: " + error.message());
  sort_by_bytes(paths);
  return paths;
}

std::vector<fs::path> find_pictures(const std::vector<std::string>& names,
                                    std::istream& standard_input) {
  std::vector<fs::path> all;
  for (const auto& name : names) {
    std::vector<fs::path> found = {name};
    if (name == "-") {
      found = lines_of(standard_input, "standard input");
    } else if (fs::is_directory(name)) {
      found = pictures_below(name);
    } else if (fs::path(name).extension() == ".txt") {
      std::ifstream list(name);
      if (!list) throw FileError(name, "no such list of pictures");
      found = lines_of(list, name);
    }
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

DatasetPtr open_pictures(std::vector<fs::path> files, int64_t channels) {
  return std::make_shared<PictureList>(std::move(files), channels);
}

}  // namespace skipzoo

#include "tools/data/picture_files.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <system_error>

#include "tools/data/data_file.h"
#include "tools/data/picture_kind.h"
#include "tools/data/text.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Adds the pictures in and below a folder. Links to folders are not followed:
/// they may lead round in a circle.
void add_pictures_below(const fs::path& folder, FoundPictures& found) {
  for (const auto& entry : sorted_entries(folder)) {
    std::error_code error;
    const bool is_folder = entry.is_directory(error);
    if (error || !entry.exists(error)) {
      spdlog::error("passed over: {}: {}", entry.path().string(),
                    error ? error.message() : "a link that leads nowhere");
      ++found.passed_over.broken;
    } else if (is_folder && entry.is_symlink(error)) {
      ++found.passed_over.links;
    } else if (is_folder) {
      try {
        add_pictures_below(entry.path(), found);
      } catch (const FileError& unreadable) {
        spdlog::error("passed over: {}", unreadable.what());
        ++found.passed_over.broken;
      }
    } else if (is_picture(entry.path())) {
      found.files.push_back(entry.path());
    } else {
      found.passed_over.add_file(entry.path());
    }
  }
}

FoundPictures pictures_below(const fs::path& folder) {
  FoundPictures found;
  add_pictures_below(folder, found);
  if (found.files.empty()) {
    const auto others = found.passed_over.text();
    throw FileError(folder,
                    "no " + kinds_read("or") + " in or below it" +
                        (others.empty() ? "" : "; there are " + others));
  }
  std::ranges::sort(found.files, {}, &fs::path::native);
  return found;
}

/// A name as it was meant.
fs::path meant_by(std::string name) {
  std::error_code unknown;
  if (fs::exists(name, unknown)) return name;
  const auto first = name.find_first_not_of(" \t");
  name = name.substr(first, name.find_last_not_of(" \t") + 1 - first);
  const auto encloses = [&](char quote) {
    return name.size() > 2 && name.front() == quote && name.back() == quote;
  };
  if (encloses('"') || encloses('\'')) name = name.substr(1, name.size() - 2);
  constexpr std::string_view kScheme = "file://";
  if (name.starts_with(kScheme)) {
    name = without_percents(std::string_view(name).substr(kScheme.size()));
    if (name.starts_with("localhost/")) name = name.substr(9);
  }
  return name;
}

std::vector<fs::path> list_of(std::string bytes, const std::string& name) {
  auto paths = names_in_list(std::move(bytes));
  if (paths.empty()) {
    throw FileError(name, "names no picture; expected one path a line");
  }
  return paths;
}

std::string read_list(const fs::path& path) {
  constexpr int64_t kMost = int64_t{1} << 30;
  const auto bytes = read_data_file(path, kMost);
  return {bytes.begin(), bytes.end()};
}

bool is_list(const fs::path& path) {
  const auto ending = path.extension();
  return ending == ".txt" || ending == ".TXT";
}

class PictureList : public Dataset {
 public:
  PictureList(std::vector<fs::path> files, const ReadImage& how)
      : files_(std::move(files)), how_(how) {}

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  Image image(int64_t index) const override {
    return read_image(files_[static_cast<size_t>(index)], how_);
  }
  int64_t label(int64_t) const override { return 0; }
  std::string name(int64_t index) const override {
    return files_[static_cast<size_t>(index)].string();
  }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  std::vector<fs::path> files_;
  ReadImage how_;
  std::vector<std::string> classes_;  ///< None.
};

}  // namespace

bool is_hidden(const fs::path& path) {
  const auto name = path.filename().string();
  return name.starts_with('.') || name == "__MACOSX" || name == "@eaDir" ||
         name == "lost+found";
}

std::vector<fs::directory_entry> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (!is_hidden(it->path())) entries.push_back(*it);
  }
  if (error) throw FileError(folder, "cannot be listed: " + error.message());
  std::ranges::sort(
      entries, {}, [](const fs::directory_entry& entry) -> const auto& {
        return entry.path().native();
      });
  return entries;
}

std::vector<fs::path> names_in_list(std::string bytes) {
  const std::string text = without_encoding(std::move(bytes));
  // A zero byte as by `find -print0`, for names that hold line ends; a carriage
  // return alone as by Excel for the Mac.
  const auto has = [&](char c) { return text.find(c) != text.npos; };
  const char separator = has('\0') ? '\0' : has('\n') ? '\n' : '\r';
  std::vector<fs::path> paths;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    std::string name = text.substr(at, end - at);
    if (separator == '\n' && name.ends_with('\r')) name.pop_back();
    if (name.find_first_not_of(" \t") != name.npos) {
      paths.push_back(meant_by(std::move(name)));
    }
    at = end + 1;
  }
  return paths;
}

FoundPictures find_pictures(const std::vector<std::string>& names,
                            std::istream& standard_input) {
  FoundPictures all;
  const auto take = [&](const std::vector<fs::path>& files) {
    all.files.insert(all.files.end(), files.begin(), files.end());
  };
  for (const auto& name : names) {
    std::error_code unknown;
    if (name == "-") {
      take(list_of({std::istreambuf_iterator<char>(standard_input), {}},
                   "standard input"));
    } else if (fs::is_directory(name, unknown)) {
      const auto found = pictures_below(name);
      take(found.files);
      all.passed_over.add(found.passed_over);
    } else if (is_list(name)) {
      take(list_of(read_list(name), name));
    } else {
      take({name});
    }
  }
  return all;
}

DatasetPtr open_pictures(std::vector<fs::path> files, const ReadImage& how) {
  return std::make_shared<PictureList>(std::move(files), how);
}

}  // namespace skipzoo

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skipzoo {

/// A small picture on a page.
struct Thumbnail {
  std::string name;  ///< Shown where the mouse rests.
  std::string jpeg;  ///< The bytes of a JPEG file.
};

/// Pictures of one class, of some splits.
struct ClassOnSheet {
  std::string name;
  std::vector<int64_t> counts;  ///< Pictures in each split.
  std::vector<Thumbnail> pictures;
};

/// A picture with something to be said of it.
struct Remark {
  std::string name;
  std::string text;
};

/// What a data set holds, for people.
struct ContactSheet {
  std::string title;
  std::string summary;  ///< One line below it.
  std::vector<std::pair<std::string, std::string>> facts;  ///< Name, value.
  std::vector<std::string> splits;
  std::vector<ClassOnSheet> classes;
  std::vector<Remark> unreadable, odd, copies;
};

/// As a page that fetches nothing; no text need be escaped.
std::string contact_sheet_page(const ContactSheet& sheet);

}  // namespace skipzoo

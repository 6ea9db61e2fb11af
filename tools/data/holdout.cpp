#include "tools/data/holdout.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <unordered_map>

#include "tools/data/copies.h"
#include "tools/data/data_file.h"
#include "tools/data/random.h"
#include "tools/data/text.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// The class that each picture is dealt with: of several the rarest, which else
/// might come to lie on one side alone; one more where there is none.
std::vector<size_t> strata_of(const Dataset& data) {
  std::vector<int64_t> pictures(data.classes().size());
  for (int64_t i = 0; i < data.size(); ++i) {
    for (const int64_t label : data.labels(i)) {
      ++pictures[static_cast<size_t>(label)];
    }
  }
  std::vector<size_t> strata;
  for (int64_t i = 0; i < data.size(); ++i) {
    const auto labels = data.labels(i);
    const auto rarest = std::ranges::min_element(labels, {}, [&](int64_t one) {
      return pictures[static_cast<size_t>(one)];
    });
    strata.push_back(rarest == labels.end() ? pictures.size()
                                            : static_cast<size_t>(*rarest));
  }
  return strata;
}

/// The pictures of a class, copies together, in the order of the draw.
using Copies = std::map<std::string, std::vector<int64_t>>;

std::vector<Copies> copies_by_class(const Dataset& data,
                                    const std::vector<std::string>& contents,
                                    const std::vector<size_t>& strata,
                                    int64_t seed) {
  std::unordered_map<std::string, std::set<std::vector<int64_t>>> labels_of;
  for (int64_t i = 0; i < data.size(); ++i) {
    labels_of[contents[static_cast<size_t>(i)]].insert(data.labels(i));
  }
  std::vector<Copies> copies(data.classes().size() + 1);
  for (int64_t i = 0; i < data.size(); ++i) {
    const auto& content = contents[static_cast<size_t>(i)];
    if (labels_of.at(content).size() > 1) continue;
    const auto text = std::to_string(seed) + ":" + content;
    const std::span bytes(reinterpret_cast<const uint8_t*>(text.data()),
                          text.size());
    copies[strata[static_cast<size_t>(i)]][content_of(bytes)].push_back(i);
  }
  return copies;
}

/// How many of a class are held out.
int64_t target(int64_t count, double share) {
  return std::max<int64_t>(1, std::llround(share * static_cast<double>(count)));
}

/// Takes from the front what fits. Where there are more copies of each than are
/// wanted, the first that leaves some.
std::set<int64_t> first_of(const Copies& copies, int64_t wanted, int64_t most) {
  std::set<int64_t> taken;
  const auto take = [&](int64_t limit) {
    for (const auto& [key, pictures] : copies) {
      if (std::ssize(taken) + std::ssize(pictures) > limit) continue;
      taken.insert(pictures.begin(), pictures.end());
      if (std::ssize(taken) >= wanted) return;
    }
  };
  take(wanted);
  if (taken.empty() && wanted > 0) take(most);
  return taken;
}

/// The part of a class of `count` pictures that is held out: of what those of a
/// lower number left. Where the parts make the whole, what is left is shared
/// out among those to come, so that every picture is in one.
std::set<int64_t> part_of_class(Copies copies, int64_t count,
                                const DataOptions& options) {
  const int64_t folds = options.folds();
  constexpr double kRounding = 1e-6;
  const bool is_whole =
      1 - static_cast<double>(folds) * options.holdout < kRounding;
  int64_t left = count;
  for (int64_t fold = 1;; ++fold) {
    // Something stays to train on.
    const int64_t most = fold == 1 ? left - 1 : left;
    const int64_t parts = folds - fold + 1;
    const int64_t wanted =
        fold == 1 || !is_whole ? target(count, options.holdout)
        : left > 0             ? target(left, 1 / static_cast<double>(parts))
                               : 0;
    auto part = first_of(copies, std::min(wanted, most), most);
    if (fold == options.fold) return part;
    std::erase_if(copies, [&](const auto& one) {
      return part.contains(one.second.front());
    });
    left -= std::ssize(part);
  }
}

Deal dealt(int64_t count, const std::set<int64_t>& held_out) {
  Deal deal;
  for (int64_t i = 0; i < count; ++i) {
    (held_out.contains(i) ? deal.held_out : deal.train).push_back(i);
  }
  return deal;
}

void refuse_empty(const Deal& deal, double share) {
  if (!deal.held_out.empty() && !deal.train.empty()) return;
  std::ostringstream text;
  text << "data.holdout: " << share << " of "
       << deal.held_out.size() + deal.train.size()
       << " pictures leaves one part empty";
  throw ConfigError(text.str());
}

}  // namespace

int64_t DataOptions::folds() const {
  constexpr double kRounding = 1e-9;
  return holdout > 0 ? std::max<int64_t>(
                           1, static_cast<int64_t>(1 / holdout + kRounding))
                     : 1;
}

Deal deal_by_content(const Dataset& data, const DataOptions& options,
                     int64_t seed) {
  const auto start = std::chrono::steady_clock::now();
  const auto contents = contents_of(data, options);
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  const auto strata = strata_of(data);
  const auto copies = copies_by_class(data, contents, strata, seed);
  std::vector<int64_t> count(copies.size());
  for (const size_t one : strata) ++count[one];
  std::set<int64_t> held_out;
  std::vector<std::string> without;
  for (size_t c = 0; c < copies.size(); ++c) {
    const auto part = part_of_class(copies[c], count[c], options);
    held_out.insert(part.begin(), part.end());
    if (part.empty() && count[c] > 0) {
      without.push_back(c < data.classes().size() ? data.classes()[c] : "none");
    }
  }
  Deal deal = dealt(data.size(), held_out);
  refuse_empty(deal, options.holdout);
  spdlog::info(
      "data.holdout: {} of {} pictures are held out{}, drawn by their "
      "content, which took {:.1f} s to read",
      deal.held_out.size(), data.size(),
      options.fold == 1 ? ""
                        : ", part " + std::to_string(options.fold) + " of " +
                              std::to_string(options.folds()),
      seconds.count());
  if (!without.empty()) {
    spdlog::warn(
        "data.holdout: no picture is held out of {}: too few, or "
        "copies, there",
        quoted_list(without));
  }
  return deal;
}

Deal deal_by_place(int64_t count, double share, int64_t seed) {
  const auto held =
      static_cast<int64_t>(std::llround(share * static_cast<double>(count)));
  const auto order = Random(static_cast<uint64_t>(seed)).permutation(count);
  const std::set<int64_t> held_out(order.begin(), order.begin() + held);
  Deal deal = dealt(count, held_out);
  refuse_empty(deal, share);
  return deal;
}

Deal deal_by_list(const Dataset& data, const std::filesystem::path& list) {
  std::unordered_map<std::string, int64_t> places;
  for (int64_t i = 0; i < data.size(); ++i) places.emplace(data.key(i), i);
  constexpr int64_t kMost = int64_t{1} << 30;
  const auto bytes = read_data_file(list, kMost);
  std::istringstream text(without_encoding({bytes.begin(), bytes.end()}));
  std::set<int64_t> held_out;
  std::vector<std::string> missing;
  for (std::string line; std::getline(text, line);) {
    if (line.ends_with('\r')) line.pop_back();  // From an editor on Windows.
    const auto found = places.find(from_one_line(line));
    if (found != places.end()) {
      held_out.insert(found->second);
    } else if (!line.empty()) {
      missing.push_back(line);
    }
  }
  Deal deal = dealt(data.size(), held_out);
  if (deal.held_out.empty() || deal.train.empty()) {
    throw FileError(
        list,
        "does not fit these data: of the pictures held out "
        "it names " +
            std::to_string(held_out.size()) + " of " +
            std::to_string(data.size()) + " that are there" +
            (missing.empty() ? "" : "; missing are " + quoted_list(missing)));
  }
  if (!missing.empty()) {
    spdlog::warn("{}: {} of the pictures held out are not there any more: {}",
                 list.string(), missing.size(), quoted_list(missing));
  }
  return deal;
}

std::string list_of_keys(const Dataset& data) {
  std::string text;
  for (int64_t i = 0; i < data.size(); ++i) {
    text += on_one_line(data.key(i)) + "\n";
  }
  return text;
}

}  // namespace skipzoo

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

/// The pictures of a class, copies together, in the order of the draw.
using Copies = std::map<std::string, std::vector<int64_t>>;

std::vector<Copies> copies_by_class(const Dataset& data,
                                    const std::vector<std::string>& contents,
                                    int64_t seed) {
  std::unordered_map<std::string, std::set<int64_t>> classes_of;
  for (int64_t i = 0; i < data.size(); ++i) {
    classes_of[contents[static_cast<size_t>(i)]].insert(data.label(i));
  }
  std::vector<Copies> copies(data.classes().size());
  for (int64_t i = 0; i < data.size(); ++i) {
    const auto& content = contents[static_cast<size_t>(i)];
    if (classes_of.at(content).size() > 1) continue;
    const auto text = std::to_string(seed) + ":" + content;
    const std::span bytes(reinterpret_cast<const uint8_t*>(text.data()),
                          text.size());
    copies[static_cast<size_t>(data.label(i))][content_of(bytes)].push_back(i);
  }
  return copies;
}

/// How many of a class are held out.
int64_t target(int64_t count, double share) {
  return std::max<int64_t>(1, std::llround(share * static_cast<double>(count)));
}

/// Takes from the front what fits, and leaves something to train on. Where
/// there are more copies of each than are wanted, the first that leaves some.
void hold_out(const Copies& copies, int64_t count, double share,
              std::set<int64_t>& held_out) {
  const int64_t wanted = std::min(target(count, share), count - 1);
  int64_t taken = 0;
  const auto take = [&](int64_t most) {
    for (const auto& [key, pictures] : copies) {
      if (taken + std::ssize(pictures) > most) continue;
      held_out.insert(pictures.begin(), pictures.end());
      taken += std::ssize(pictures);
      if (taken >= wanted) return;
    }
  };
  take(wanted);
  if (taken == 0 && wanted > 0) take(count - 1);
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

Deal deal_by_content(const Dataset& data, const DataOptions& options,
                     int64_t seed) {
  const auto start = std::chrono::steady_clock::now();
  const auto contents = contents_of(data, options);
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  std::vector<int64_t> count(data.classes().size());
  for (int64_t i = 0; i < data.size(); ++i) {
    ++count[static_cast<size_t>(data.label(i))];
  }
  const auto copies = copies_by_class(data, contents, seed);
  std::set<int64_t> held_out;
  std::vector<std::string> without;
  for (size_t c = 0; c < copies.size(); ++c) {
    const size_t before = held_out.size();
    hold_out(copies[c], count[c], options.holdout, held_out);
    if (held_out.size() == before && count[c] > 0) {
      without.push_back(data.classes()[c]);
    }
  }
  Deal deal = dealt(data.size(), held_out);
  refuse_empty(deal, options.holdout);
  spdlog::info(
      "data.holdout: {} of {} pictures are held out, drawn by their "
      "content, which took {:.1f} s to read",
      deal.held_out.size(), data.size(), seconds.count());
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

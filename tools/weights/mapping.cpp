#include "tools/weights/mapping.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "tools/weights/names.h"

namespace skipzoo {

namespace {

/// A part's name without the number at its end: layer4 is a layer.
std::string_view kind_of(std::string_view part) {
  while (!part.empty() && part.back() >= '0' && part.back() <= '9') {
    part.remove_suffix(1);
  }
  return part;
}

/// Where the dots are that a network's name can begin behind, the innermost
/// first; -1 for the name itself. At most `parts` of them.
template <typename Visit>
void for_each_start(std::string_view name, size_t parts, Visit visit) {
  size_t end = name.size();
  for (size_t i = 0; i < parts; ++i) {
    const size_t dot =
        end == 0 ? std::string_view::npos : name.rfind('.', end - 1);
    visit(dot == std::string_view::npos ? 0 : dot + 1);
    if (dot == std::string_view::npos) return;
    end = dot;
  }
}

/// How well the network is there under a prefix.
struct Votes {
  int64_t shapes = 0;  ///< Names whose shapes fit too.
  int64_t names = 0;
  size_t first = 0;  ///< The first of them in the file.
};

class Mapper {
 public:
  Mapper(const NamedTensors& file, const NamedTensors& own,
         const std::string& head, NameRules rules)
      : file_(file), own_(own) {
    rename(rules);
    heads_.emplace(names_, head);
    for (size_t i = 0; i < own.size(); ++i) {
      const std::string_view name = own[i].first;
      place_.emplace(name, i);
      parts_ = std::max<size_t>(
          parts_,
          3 + static_cast<size_t>(std::count(name.begin(), name.end(), '.')));
      kinds_.insert(kind_of(name.substr(0, name.find('.'))));
    }
  }

  Mapping run() {
    choose_prefix();
    assign();
    sort_rest();
    return std::move(mapping_);
  }

 private:
  /// The names as the network has them, but for prefix and head.
  void rename(NameRules rules) {
    for (const auto& entry : file_) names_.push_back(entry.first);
    for (const auto& rule : rules) {
      int64_t changed = 0;
      for (auto& name : names_) {
        auto now = rule.rename(name);
        changed += now != name ? 1 : 0;
        name = std::move(now);
      }
      log(rule.what, changed);
    }
  }
  void log(const std::string& rule, int64_t count) {
    if (count > 0) mapping_.renamed.emplace_back(rule, count);
  }

  /// The network's tensor that name i is without its first letters.
  std::optional<size_t> own_place(size_t i, size_t start) const {
    const std::string_view name = names_[i];
    auto found = place_.find(name.substr(start));
    if (found == place_.end()) {
      found = place_.find(heads_->own_name(name, start));
    }
    if (found == place_.end()) return std::nullopt;
    return found->second;
  }

  void choose_prefix() {
    std::unordered_map<std::string_view, Votes> votes;
    for (size_t i = 0; i < names_.size(); ++i) {
      for_each_start(names_[i], parts_, [&](size_t start) {
        const auto place = own_place(i, start);
        if (!place) return;
        auto& vote =
            votes.emplace(std::string_view(names_[i]).substr(0, start), Votes())
                .first->second;
        if (vote.names == 0) vote.first = i;
        ++vote.names;
        if (own_[*place].second.sizes() == file_[i].second.sizes()) {
          ++vote.shapes;
        }
      });
    }
    // Its own names need no prefix; of others, the first counts.
    const auto better = [](const auto& a, const auto& b) {
      return std::tuple(-a.second.shapes, -a.second.names, !a.first.empty(),
                        a.second.first, a.first) <
             std::tuple(-b.second.shapes, -b.second.names, !b.first.empty(),
                        b.second.first, b.first);
    };
    const auto best = std::min_element(votes.begin(), votes.end(), better);
    if (best == votes.end()) return;
    mapping_.prefix = best->first;
    find_rivals(votes, best->second);
    if (mapping_.prefix.empty()) return;
    log("'" + mapping_.prefix + "' dropped",
        std::count_if(names_.begin(), names_.end(), [&](const auto& name) {
          return name.starts_with(mapping_.prefix);
        }));
  }

  /// Prefixes as good as the one taken, where it is one and has most names.
  void find_rivals(const std::unordered_map<std::string_view, Votes>& votes,
                   const Votes& best) {
    if (mapping_.prefix.empty() ||
        2 * best.shapes < static_cast<int64_t>(own_.size())) {
      return;
    }
    std::vector<std::pair<size_t, std::string>> rivals;
    for (const auto& [prefix, vote] : votes) {
      if (prefix != mapping_.prefix && vote.shapes == best.shapes) {
        rivals.emplace_back(vote.first, prefix);
      }
    }
    std::sort(rivals.begin(), rivals.end());
    for (auto& rival : rivals) mapping_.rivals.push_back(rival.second);
  }

  /// The prefix, then what is left when its own parts are dropped one by one: a
  /// head stands beside "module.backbone." as "module.fc".
  std::vector<std::string_view> prefixes() const {
    std::vector<std::string_view> all;
    std::string_view prefix = mapping_.prefix;
    for (constexpr size_t kMost = 8; all.size() < kMost;) {
      all.push_back(prefix);
      if (prefix.empty()) break;
      const auto dot = prefix.substr(0, prefix.size() - 1).rfind('.');
      prefix = prefix.substr(0, dot == std::string_view::npos ? 0 : dot + 1);
    }
    return all;
  }

  void assign() {
    mapping_.places.resize(own_.size());
    used_.resize(file_.size());
    int64_t heads = 0;
    for (const auto prefix : prefixes()) {
      std::vector<std::optional<size_t>> found(own_.size());
      for (size_t i = 0; i < names_.size(); ++i) {
        if (used_[i] || !names_[i].starts_with(prefix)) continue;
        const auto place = own_place(i, prefix.size());
        if (!place || mapping_.places[*place]) continue;
        auto& taken = found[*place];
        if (!taken || is_better(i, *taken, *place, prefix)) taken = i;
      }
      for (size_t place = 0; place < found.size(); ++place) {
        if (!found[place]) continue;
        mapping_.places[place] = found[place];
        used_[*found[place]] = true;
        heads += is_named(*found[place], place, prefix) ? 0 : 1;
      }
    }
    log("the head", heads);
  }

  bool is_named(size_t i, size_t place, std::string_view prefix) const {
    return std::string_view(names_[i]).substr(prefix.size()) ==
           own_[place].first;
  }
  /// Two may be the head: one of its very name comes first, then one that fits.
  bool is_better(size_t i, size_t than, size_t place,
                 std::string_view prefix) const {
    const auto fits = [&](size_t one) {
      return file_[one].second.sizes() == own_[place].second.sizes();
    };
    return std::pair(is_named(i, place, prefix), fits(i)) >
           std::pair(is_named(than, place, prefix), fits(than));
  }

  void sort_rest() {
    for (size_t i = 0; i < names_.size(); ++i) {
      // Weights averaged by torch's AveragedModel count what they averaged.
      if (used_[i] || names_[i] == "n_averaged") continue;
      const bool own_part = names_[i].starts_with(mapping_.prefix) &&
                            is_of_a_part(std::string_view(names_[i]).substr(
                                mapping_.prefix.size()));
      if (own_part) {
        mapping_.unexpected.push_back(names_[i].substr(mapping_.prefix.size()));
      } else {
        mapping_.beside.push_back(file_[i].first);
      }
    }
  }

  /// Whether a layer as the network has them, in a part as it has them.
  bool is_of_a_part(std::string_view name) const {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos ||
        !kinds_.contains(kind_of(name.substr(0, dot)))) {
      return false;
    }
    const auto leaf = name.substr(name.rfind('.') + 1);
    return leaf == "weight" || leaf == "bias" || leaf == "running_mean" ||
           leaf == "running_var" || leaf == "num_batches_tracked";
  }

  const NamedTensors& file_;
  const NamedTensors& own_;
  std::vector<std::string> names_;
  std::optional<HeadNames> heads_;
  std::unordered_map<std::string_view, size_t> place_;
  size_t parts_ = 0;
  std::unordered_set<std::string_view> kinds_;
  std::vector<bool> used_;
  Mapping mapping_;
};

}  // namespace

Mapping map_names(const NamedTensors& file, const NamedTensors& own,
                  const std::string& head, NameRules rules) {
  return Mapper(file, own, head, rules).run();
}

}  // namespace skipzoo

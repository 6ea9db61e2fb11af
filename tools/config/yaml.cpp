// From yaml-cpp's events to values. Its own nodes say nothing of a second
// document, of a merge key or of a tag, and grow with every alias.

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "tools/config/raw_bytes.h"
#include "tools/config/value.h"
#include "tools/config/yaml_text.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

constexpr size_t kDeepest = 20;
/// One for a value and one more for each 64 bytes of its text.
constexpr size_t kMost = 20'000;

[[noreturn]] void refuse(const std::string& place, const std::string& why) {
  throw ConfigError(place + ": " + why);
}

/// Whether a tag says only what the value is anyway.
bool is_harmless(const std::string& tag) {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag.empty() || tag == "?" || tag == "!") return true;
  if (!tag.starts_with(kCore)) return false;
  static const std::set<std::string> kinds = {"str",  "int", "float", "bool",
                                              "null", "seq", "map"};
  return kinds.contains(tag.substr(kCore.size()));
}

size_t cost_of(const Value& value) {
  size_t cost = 1 + value.text.size() / 64;
  for (const auto& item : value.list) cost += cost_of(item);
  for (const auto& entry : value.section) cost += cost_of(entry.value);
  return cost;
}

/// A list or section that has begun.
struct Open {
  Value value;
  YAML::anchor_t anchor = 0;
  std::optional<Value> key;  ///< Whose value is next.
  bool merges = false;       ///< That key is a merge key.
  std::optional<Value> merged = {};
};

class Builder : public YAML::EventHandler {
 public:
  explicit Builder(const Origin& origin) : origin_(origin) {}

  Value root;

  std::string place_of(const YAML::Mark& mark) const {
    if (!origin_.is_file || mark.is_null()) return origin_.name;
    return origin_.name + ":" + std::to_string(mark.line + 1) + ":" +
           std::to_string(mark.column + 1);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    if (!origin_.is_file) {
      refuse(place_of(mark),
             "not valid YAML: more follows the value that ends there; put all "
             "of it in quotes");
    }
    refuse(place_of(mark),
           "a second YAML document begins; a config is one: put its sections "
           "together, or in a file of their own");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    charge(1, mark);
    add(made(Value::Kind::kNothing, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& text) override {
    check_tag(mark, tag);
    if (text.find('\0') != std::string::npos) {
      refuse(place_of(mark), "a zero byte within a text");
    }
    Value value = made(Value::Kind::kScalar, mark);
    value.text = from_utf8(text);
    charge(cost_of(value), mark);
    add(std::move(value), anchor, text == "<<" && tag == "?");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) {
      refuse(place_of(mark), "an alias within the value that it names");
    }
    charge(cost_of(found->second), mark);
    add(found->second, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Value::Kind::kList, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(Value::Kind::kSection, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override {
    if (open_.back().merged) merge(open_.back());
    close();
  }

 private:
  Value made(Value::Kind kind, const YAML::Mark& mark) const {
    Value value;
    value.kind = kind;
    value.place = place_of(mark);
    value.folder = origin_.folder;
    return value;
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (is_harmless(tag)) return;
    refuse(place_of(mark), "the tag " + tag +
                               " would change this value, and is not known "
                               "here; write the value itself");
  }

  void charge(size_t cost, const YAML::Mark& mark) {
    cost_ += cost;
    if (cost_ <= kMost) return;
    refuse(place_of(mark),
           "more values than any config has, each alias counted as what it "
           "stands for");
  }

  void open(Value::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(mark, tag);
    charge(1, mark);
    if (open_.size() >= kDeepest) {
      refuse(place_of(mark), "nested deeper than " + std::to_string(kDeepest) +
                                 " lists and sections");
    }
    if (!open_.empty()) check_is_no_key(place_of(mark));
    open_.push_back({.value = made(kind, mark), .anchor = anchor, .key = {}});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.value), done.anchor);
  }

  void check_is_no_key(const std::string& place) const {
    const Open& inner = open_.back();
    if (inner.value.kind == Value::Kind::kSection && !inner.key) {
      refuse(place, "a key is a text, not a list or a section");
    }
  }

  /// A value, or a key, of what is open; or all there is.
  void add(Value value, YAML::anchor_t anchor, bool is_merge_key = false) {
    if (anchor != 0) anchored_[anchor] = value;
    if (open_.empty()) {
      root = std::move(value);
      return;
    }
    Open& inner = open_.back();
    if (inner.value.kind == Value::Kind::kList) {
      inner.value.list.push_back(std::move(value));
    } else if (!inner.key) {
      if (value.kind != Value::Kind::kScalar) check_is_no_key(value.place);
      inner.key = std::move(value);
      inner.merges = is_merge_key;
    } else {
      add_entry(inner, std::move(value));
    }
  }

  void add_entry(Open& inner, Value value) {
    // yaml-cpp sees that nothing is there at what comes next.
    if (value.kind == Value::Kind::kNothing) value.place = inner.key->place;
    if (!inner.merges) {
      inner.value.section.push_back({.key = inner.key->text,
                                     .place = inner.key->place,
                                     .value = std::move(value)});
    } else if (inner.merged) {
      refuse(inner.key->place, "<<: given twice; give it a list of sections");
    } else {
      inner.merged = std::move(value);
    }
    inner.key.reset();
  }

  /// Adds what a section has not itself; the first of a list goes first.
  void merge(Open& inner) {
    const Value merged = std::move(*inner.merged);
    const bool is_list = merged.kind == Value::Kind::kList;
    for (const auto& from : is_list ? merged.list : std::vector{merged}) {
      if (from.kind != Value::Kind::kSection) {
        refuse(from.place, "<<: expected a section, or a list of them");
      }
      for (const auto& entry : from.section) {
        if (inner.value.find(entry.key) != nullptr) continue;
        inner.value.section.push_back(entry);
      }
    }
  }

  const Origin& origin_;
  int documents_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Value> anchored_;
  size_t cost_ = 0;
};

}  // namespace

Value parse_yaml(const std::string& given, const Origin& origin) {
  check_yaml_text(given, origin);
  const std::string text = mended_utf8(given);  // A path may be of other bytes.
  // yaml-cpp closes a quote at the end of the file; not before a "...".
  const bool has_end = text.empty() || text.back() == '\n';
  std::istringstream stream(text + (has_end ? "...\n" : "\n...\n"));
  Builder builder(origin);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    // What is missing at the end is missing in the last line there is.
    YAML::Mark mark = error.mark;
    const auto lines = static_cast<int>(
        std::count(text.begin(), text.end(), '\n') + (has_end ? 0 : 1));
    if (!mark.is_null() && lines > 0 && mark.line >= lines) {
      mark.line = lines - 1;
      mark.column = 0;
    }
    const bool is_open_quote = error.msg == YAML::ErrorMsg::DOC_IN_SCALAR;
    refuse(builder.place_of(mark),
           "not valid YAML: " + error.msg +
               (is_open_quote ? "; is a quote not closed?"
                              : cause_in_line(text, error.mark.line)));
  }
  return std::move(builder.root);
}

}  // namespace skipzoo

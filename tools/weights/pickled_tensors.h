#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "tools/weights/budget.h"
#include "tools/weights/pickle.h"

namespace skipzoo {

/// A dict or list of a pickle that holds tensors itself, not in others; or an
/// object of another type, as a network saved whole, with tensors anywhere in
/// it.
struct TensorHolder {
  /// The keys that lead to it, and all of them joined by dots.
  std::vector<std::string> keys;
  std::string key;
  const Pickle* value = nullptr;
  int64_t tensors = 0;
  double parameters = 0;  ///< A hostile file's overflow 64 bits.
  /// Whether a name in it is of the form "fc.weight", as a network's are.
  bool names_parts = false;
  /// Of averaged weights, by a key that says so: state_dict_ema.
  bool averaged = false;
  /// The key of an optimizer, schedule, gradient scaler or the like that it is
  /// part of; empty where it is of none.
  std::string training;
  /// Whether it is under a number, as an optimizer's states are.
  bool under_number = false;
  /// A dict whose tensors have names, and not of the training.
  bool may_be_state_dict = false;

  bool is_dict() const { return value->kind == Pickle::Kind::kDict; }
  bool is_object() const { return value->kind == Pickle::Kind::kOpaque; }
  bool is_within(const TensorHolder& other) const;
};

/// Whether a value is a tensor, one that cannot be read included.
bool is_tensor(const Pickle& value);
/// Why a tensor cannot be read: "a quantized tensor"; empty where it can.
std::string why_unreadable(const Pickle& value);

/// Finds such dicts, lists, tuples and objects, each once, however often the
/// file refers to it or is searched. Goes a few levels deep.
class HolderSearch {
 public:
  /// visits: each letter of a key takes one, and each value that is looked at.
  explicit HolderSearch(Budget& visits) : visits_(visits) {}
  /// Those in `root`, itself among them, in the file's order.
  std::vector<TensorHolder> find(const Pickle& root);

 private:
  void visit(const Pickle& value, TensorHolder at);
  void count_within(const Pickle& value, TensorHolder& at, size_t depth);

  Budget& visits_;
  std::unordered_set<const Pickle*> seen_;
  std::unordered_set<const Pickle*> counted_;
  std::vector<TensorHolder> found_;
};

/// The key of a pair in a dict, as text: 3 is "3".
std::string key_text(const Pickle& key);

/// "62 tensors, 11689512 parameters"
std::string size_text(const TensorHolder& holder);

}  // namespace skipzoo

#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace skipzoo {

/// A value of a pickle. Whatever a file says, nothing but these is ever made:
/// no code is looked up, none runs. Safer than Python's own reader.
struct Pickle {
  enum class Kind {
    kNone,
    kBool,
    kInteger,
    kNumber,
    kText,  ///< Also bytes.
    kTuple,
    kList,     ///< Also sets.
    kDict,     ///< Also collections.OrderedDict.
    kType,     ///< A name of something, as "torch.FloatStorage".
    kStorage,  ///< Where the numbers of a tensor are.
    kTensor,
    kOpaque,  ///< An object of any other type, named and otherwise inert.
  };
  using Items = std::vector<const Pickle*>;

  Kind kind = Kind::kNone;
  /// Of a bool or integer; the offset of a tensor in its storage, or of a
  /// storage that is a view in the one it is part of.
  int64_t integer = 0;
  double number = 0;
  std::string text;  ///< Of a text, type or opaque; a storage's key.
  /// Of a tuple or list; a dict's keys and values in turn; an opaque's state.
  Items items;

  // Of a storage; a tensor's is in items.front().
  std::string dtype;   ///< As "FloatStorage" or "float32".
  int64_t length = 0;  ///< Elements; bytes where dtype is "UntypedStorage".
  // Of a tensor.
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;

  /// The value under a key of text; null where there is none.
  const Pickle* find(const std::string& key) const;
};

/// Reads pickles by a restricted interpreter: protocols 0 to 5, no out-of-band
/// buffers, no extension registry. Owns the values.
class PickleReader {
 public:
  /// bytes: outlive the reader.
  explicit PickleReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  /// The next pickle: up to its STOP. Throws std::runtime_error saying what is
  /// wrong with it.
  const Pickle& read();
  /// Bytes read so far: what follows the last pickle begins there.
  size_t position() const { return at_; }
  /// Every storage named so far, used by a tensor or not.
  const std::vector<const Pickle*>& storages() const { return storages_; }

 private:
  using Kind = Pickle::Kind;

  [[noreturn]] void fail(const std::string& what) const;
  uint8_t byte();
  uint64_t little_endian(size_t size);
  std::string bytes(uint64_t size);
  std::string line();

  Pickle& make(Kind kind);
  void push(Pickle& value) { stack_.push_back(&value); }
  Pickle& pop();
  Pickle& top();
  Pickle::Items pop_to_mark();

  bool execute(uint8_t opcode);
  bool execute_constant(uint8_t opcode);
  bool execute_container(uint8_t opcode);
  bool execute_memo(uint8_t opcode);
  bool execute_object(uint8_t opcode);

  void push_text(std::string text);
  void push_integer(int64_t value);
  void push_tuple(Pickle::Items items);
  void set_items(Pickle::Items pairs);
  /// Counts what is copied without having been written out in the file.
  void spend(size_t items);
  void store(uint64_t index);
  void load(uint64_t index);
  /// What calling `callee` with `arguments` makes, of the few calls known.
  Pickle& call(const Pickle& callee, const Pickle& arguments);
  Pickle& rebuild_tensor(const std::string& name, const Pickle& arguments);
  Pickle& storage(const Pickle& id);

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  size_t copied_ = 0;
  std::vector<const Pickle*> storages_;
  std::deque<Pickle> values_;
  std::vector<Pickle*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Pickle*> memo_;
};

}  // namespace skipzoo

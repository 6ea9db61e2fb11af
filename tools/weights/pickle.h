#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/weights/byte_reader.h"

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
    kList,     ///< Also sets, and of derived classes.
    kDict,     ///< Also OrderedDict and others of derived classes.
    kType,     ///< A name of something, as "torch.FloatStorage".
    kStorage,  ///< Where the numbers of a tensor are.
    kTensor,
    /// A tensor whose numbers are not read: a quantized, sparse, meta or nested
    /// one, or one of an unknown type. `text` says which.
    kUnreadableTensor,
    kOpaque,  ///< An object of any other type, named and otherwise inert.
  };
  using Items = std::vector<const Pickle*>;

  Kind kind = Kind::kNone;
  /// Of a bool or integer; the offset of a tensor in its storage, or of a
  /// storage that is a view in the one it is part of.
  int64_t integer = 0;
  double number = 0;
  /// Of a text, type or opaque; a storage's key; what an unreadable tensor is,
  /// as in "a quantized tensor" or "of type bits8".
  std::string text;
  /// Of a tuple or list; a dict's keys and values in turn; an opaque's state; a
  /// tensor's storage.
  Items items;

  /// How numbers lie in a storage, or a tensor's in its storage.
  struct Layout {
    /// Of a storage, nothing where it is not known.
    std::optional<c10::ScalarType> type;
    std::string type_name;  ///< As the file says, e.g. "torch.FloatStorage".
    int64_t length = 0;     ///< Of a storage, in elements of its type.
    std::vector<int64_t> sizes;
    std::vector<int64_t> strides;
    /// Bits that a tensor carries where negating or conjugating was put off.
    bool negative = false;
    bool conjugate = false;
  };
  std::shared_ptr<const Layout> layout;  ///< Of a storage or tensor.

  /// Of a tensor, also of an unreadable one where they are known.
  std::span<const int64_t> sizes() const {
    return layout ? std::span<const int64_t>(layout->sizes)
                  : std::span<const int64_t>();
  }
  /// The value under a key of text; null where there is none.
  const Pickle* find(const std::string& key) const;
};

/// Reads pickles by a restricted interpreter: protocols 0 to 5, no extension
/// registry. Owns the values. Its memory is at most a few dozen times the bytes
/// read, whatever these say; so is its time.
class PickleReader {
 public:
  /// bytes: outlive the reader.
  explicit PickleReader(std::span<const uint8_t> bytes) : in_(bytes) {}
  explicit PickleReader(ByteReader in) : in_(std::move(in)) {}

  /// Refuses what LibTorch's unpickler, which reads TorchScript archives, would
  /// take for something else than this reader does.
  void expect_program() { is_program_ = true; }

  /// The next pickle: up to its STOP. Throws std::runtime_error saying what is
  /// wrong with it.
  const Pickle& read();
  /// What follows the last pickle.
  ByteReader& rest() { return in_; }
  /// Every value so far, in use or not.
  const std::deque<Pickle>& values() const { return values_; }
  /// Of these, every storage and every tensor that is made of one.
  const std::vector<const Pickle*>& storages() const { return storages_; }
  const std::vector<const Pickle*>& tensors() const { return tensors_; }
  /// In a program, the texts that name the types of its containers.
  const std::vector<const Pickle*>& types() const { return types_; }
  /// What a persistent id of mere text stands for, as files of PyTorch 0.1 have
  /// them. value: outlives the reader.
  void name(const std::string& id, Pickle& value) { named_[id] = &value; }

 private:
  using Kind = Pickle::Kind;

  [[noreturn]] void fail(const std::string& what) const;
  uint8_t byte();
  std::string line();

  Pickle& make(Kind kind);
  Pickle& make_text(Kind kind, std::string text);
  void push(Pickle& value) { stack_.push_back(&value); }
  Pickle& pop();
  Pickle& top();
  Pickle::Items pop_to_mark();
  /// Counts bytes of memory, or of work, against those read so far.
  void spend(size_t bytes);

  void execute(uint8_t opcode);
  bool execute_constant(uint8_t opcode);
  bool execute_text(uint8_t opcode);
  bool execute_container(uint8_t opcode);
  bool execute_memo(uint8_t opcode);
  bool execute_object(uint8_t opcode);

  void push_once(Pickle*& value, Kind kind);
  /// Nothing: one that does not fit 64 bits.
  void push_integer(std::optional<int64_t> value);
  void push_written_integer();
  void push_number(double value);
  void push_text(uint64_t size);
  void push_tuple(Pickle::Items items);
  void append(std::span<const Pickle* const> items);
  void set_items(Pickle::Items pairs);
  void store(uint64_t index);
  void load(uint64_t index);

  void check_function(const Pickle& callee, const Pickle& arguments);
  /// A class, or an object of one.
  void check_class(const Pickle& value, Kind kind) const;
  /// What calling `callee` with `arguments` makes, of the few calls known.
  Pickle& call(const Pickle& callee, const Pickle& arguments);
  Pickle& ordered_dict(const Pickle::Items& given);
  /// A call that makes a tensor; null where it is none.
  Pickle* call_tensor(const std::string& callee, const Pickle& arguments);
  Pickle& rebuild_tensor(const std::string& name, const Pickle& arguments);
  Pickle& rebuild_subclass(const Pickle& arguments);
  /// The only tensor that a subclass holds in its state; null otherwise.
  const Pickle* only_tensor(const Pickle& state);
  std::vector<int64_t> integers(const Pickle& value);
  bool has_bit(const Pickle::Items& given, size_t at, const char* bit);
  Pickle& persistent(const Pickle& id);

  ByteReader in_;
  bool is_program_ = false;
  uint64_t begin_ = 0;  ///< Of the pickle that is read.
  uint64_t spent_ = 0;
  std::vector<const Pickle*> storages_;
  std::vector<const Pickle*> tensors_;
  std::vector<const Pickle*> types_;
  std::map<std::string, Pickle*> named_;
  std::deque<Pickle> values_;
  std::vector<Pickle*> stack_;
  std::vector<size_t> marks_;
  std::vector<Pickle*> memo_;
  size_t memo_count_ = 0;
  // Values that cannot change are made once.
  Pickle* none_ = nullptr;
  Pickle* true_ = nullptr;
  Pickle* false_ = nullptr;
  Pickle* empty_tuple_ = nullptr;
  std::vector<Pickle*> small_integers_;
};

}  // namespace skipzoo

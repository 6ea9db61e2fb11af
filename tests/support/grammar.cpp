#include "tests/support/grammar.h"

#include <limits>

namespace skipzoo {

using namespace pickled;
using std::string_literals::operator""s;

int64_t Grammar::number() {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  if (chance(60)) return random_.below(5);
  const int64_t edge = any_of<int64_t>(
      {0, 1 << 8, 1 << 16, int64_t{1} << 31, int64_t{1} << 32, int64_t{1} << 38,
       int64_t{1} << 61, int64_t{1} << 62, kMost});
  const int64_t more =
      any_of<int64_t>({0, 0, 1, -1, -2, -16, -4096, -(1 << 20)});
  const int64_t sum = more > 0 && edge == kMost ? edge : edge + more;
  return chance(5) ? -1 - (sum & kMost) : sum;
}

std::vector<int64_t> Grammar::numbers(size_t most) {
  std::vector<int64_t> all(
      static_cast<size_t>(random_.below(static_cast<int64_t>(most) + 1)));
  for (auto& one : all) one = number();
  return all;
}

std::string Grammar::name() {
  if (chance(3))
    return std::string(static_cast<size_t>(random_.below(70'000)), 'n');
  return any_of<std::string>({"0", "1", "w", "fc.weight", "state_dict", "model",
                              "", "\xff", "a\nb", "__metadata__", "data"});
}

std::string Grammar::tensor() {
  Tensor t;
  t.storage = any_of<std::string>(
      {"FloatStorage", "FloatStorage", "DoubleStorage", "HalfStorage",
       "ByteStorage", "LongStorage", "BoolStorage", "ComplexDoubleStorage",
       "QInt8Storage", "UntypedStorage", "NoStorage"});
  t.key = any_of<std::string>({"0", "0", "0", "1", "x"});
  t.length = chance(85) ? 4 : number();
  if (chance(40)) t.offset = number();
  if (chance(60)) {
    t.sizes = numbers(4);
    t.strides = numbers(4);
    if (chance(80)) t.strides.resize(t.sizes.size());
  }
  if (chance(25)) t.part = number();
  if (chance(15)) {
    t.metadata = pickled::dict({text(chance(50) ? "neg" : "conj"), "\x88"});
  }
  auto made = pickled::tensor(t);
  if (chance(10)) {
    made = call(type("torch._utils", "_rebuild_parameter"),
                tuple({made, "\x88", "}"}));
  }
  if (chance(5)) {
    made = call(type("torch._tensor", "_rebuild_from_type_v2"),
                tuple({type("torch._utils", "_rebuild_tensor_v2"),
                       type("a", "B"), integers(numbers(3)), value(1)}));
  }
  if (chance(5)) {
    const std::string usual = "_rebuild_tensor_v2";
    made.replace(made.find(usual), usual.size(), "_rebuild_qtensor");
  }
  if (chance(3)) {  // A number for a name.
    made.replace(0, made.find('('), integer(random_.below(4)));
  }
  return made;
}

std::string Grammar::dict(int depth) {
  std::vector<std::string> items;
  for (int64_t i = random_.below(4); i >= 0; --i) {
    items.push_back(chance(97) ? text(name()) : value(depth - 1));
    items.push_back(chance(60) ? tensor() : value(depth - 1));
  }
  auto made = pickled::dict(items);
  if (chance(20)) {
    std::string pairs = "](";
    for (size_t i = 0; i < items.size(); i += 2) {
      pairs += items[i] + items[i + 1] + "\x86";
    }
    made = call(type("collections", "OrderedDict"), pairs + "e\x85");
  }
  return made;
}

std::string Grammar::value(int depth) {
  if (depth <= 0) {
    return any_of<std::string>({"N", "\x88", "]", ")", integer(number()),
                                text(name()), "G\x7f\xf0\0\0\0\0\0\0"s});
  }
  switch (random_.below(9)) {
    case 0:
      return dict(depth);
    case 1:
      return tensor();
    case 2:
      return "](" + value(depth - 1) + value(depth - 1) + "e";
    case 3:
      return tuple({value(depth - 1), value(depth - 1)});
    case 4:  // Stored, to be referred to.
      return value(depth - 1) + "r" + little_endian(memos_++, 4);
    case 5:
      return memos_ == 0
                 ? "N"
                 : "j" + little_endian(static_cast<uint64_t>(random_.below(
                                           static_cast<int64_t>(memos_))),
                                       4);
    case 6:
      return module(depth - 1);
    case 7:
      return "X" + little_endian(static_cast<uint64_t>(number()), 4) + name();
    default:
      return any_of<std::string>({"\x8e"s, "\x8b"s, "\x96"s}) +
             little_endian(static_cast<uint64_t>(number())) + name();
  }
}

std::string Grammar::module(int depth) { return pickled::module(dict(depth)); }

std::string Grammar::state_dict() {
  memos_ = 0;
  auto made = dict(3);
  if (chance(30)) made = pickled::dict({text("state_dict"), made});
  return made;
}

}  // namespace skipzoo

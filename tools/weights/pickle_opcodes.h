#pragma once

#include <cstdint>

namespace skipzoo {

/// The opcodes of pickles, protocols 0 to 5, by their names in Python's
/// pickletools. Those of the extension registry (EXT1, …) are left out: a file
/// that has one is refused.
// clang-format off
enum Opcode : uint8_t {
  // Values.
  kNone = 'N', kNewTrue = 0x88, kNewFalse = 0x89,
  kInt = 'I', kBinInt = 'J', kBinInt1 = 'K', kBinInt2 = 'M',
  kLong = 'L', kLong1 = 0x8a, kLong4 = 0x8b, kFloat = 'F', kBinFloat = 'G',
  kString = 'S', kBinString = 'T', kShortBinString = 'U',
  kUnicode = 'V', kBinUnicode = 'X', kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes = 'B', kShortBinBytes = 'C', kBinBytes8 = 0x8e,
  kByteArray8 = 0x96, kNextBuffer = 0x97, kReadonlyBuffer = 0x98,
  // Containers.
  kEmptyTuple = ')', kTuple = 't', kTuple1 = 0x85, kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']', kList = 'l', kAppend = 'a', kAppends = 'e',
  kEmptyDict = '}', kDict = 'd', kSetItem = 's', kSetItems = 'u',
  kEmptySet = 0x8f, kAddItems = 0x90, kFrozenSet = 0x91,
  // The stack and the memo.
  kMark = '(', kPop = '0', kPopMark = '1', kDup = '2',
  kGet = 'g', kBinGet = 'h', kLongBinGet = 'j',
  kPut = 'p', kBinPut = 'q', kLongBinPut = 'r', kMemoize = 0x94,
  // Objects.
  kGlobal = 'c', kStackGlobal = 0x93, kReduce = 'R', kBuild = 'b',
  kInst = 'i', kObj = 'o', kNewObj = 0x81, kNewObjEx = 0x92,
  kPersId = 'P', kBinPersId = 'Q',
  // The file.
  kProto = 0x80, kFrame = 0x95, kStop = '.',
};
// clang-format on

}  // namespace skipzoo

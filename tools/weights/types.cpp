#include "tools/weights/types.h"

#include <algorithm>
#include <array>

namespace skipzoo {

namespace {

using c10::ScalarType;

/// The names of a type, empty where there is none.
struct Names {
  ScalarType type;
  std::string_view dtype;
  std::string_view storage;
  std::string_view safetensors;
};

constexpr std::array kTypes = {
    Names{ScalarType::Double, "float64", "DoubleStorage", "F64"},
    Names{ScalarType::Float, "float32", "FloatStorage", "F32"},
    Names{ScalarType::Half, "float16", "HalfStorage", "F16"},
    Names{ScalarType::BFloat16, "bfloat16", "BFloat16Storage", "BF16"},
    Names{ScalarType::Long, "int64", "LongStorage", "I64"},
    Names{ScalarType::Int, "int32", "IntStorage", "I32"},
    Names{ScalarType::Short, "int16", "ShortStorage", "I16"},
    Names{ScalarType::Char, "int8", "CharStorage", "I8"},
    Names{ScalarType::Byte, "uint8", "ByteStorage", "U8"},
    Names{ScalarType::Byte, "uint8", "UntypedStorage", "U8"},
    Names{ScalarType::Bool, "bool", "BoolStorage", "BOOL"},
    Names{ScalarType::UInt16, "uint16", "", "U16"},
    Names{ScalarType::UInt32, "uint32", "", "U32"},
    Names{ScalarType::UInt64, "uint64", "", "U64"},
    Names{ScalarType::ComplexHalf, "complex32", "", ""},
    Names{ScalarType::ComplexFloat, "complex64", "ComplexFloatStorage", "C64"},
    Names{ScalarType::ComplexDouble, "complex128", "ComplexDoubleStorage", ""},
    Names{ScalarType::Float8_e4m3fn, "float8_e4m3fn", "", "F8_E4M3"},
    Names{ScalarType::Float8_e5m2, "float8_e5m2", "", "F8_E5M2"},
    Names{ScalarType::Float8_e4m3fnuz, "float8_e4m3fnuz", "", "F8_E4M3FNUZ"},
    Names{ScalarType::Float8_e5m2fnuz, "float8_e5m2fnuz", "", "F8_E5M2FNUZ"},
    Names{ScalarType::Float8_e8m0fnu, "float8_e8m0fnu", "", "F8_E8M0"},
    Names{ScalarType::QInt8, "qint8", "QInt8Storage", ""},
    Names{ScalarType::QUInt8, "quint8", "QUInt8Storage", ""},
    Names{ScalarType::QInt32, "qint32", "QInt32Storage", ""},
    Names{ScalarType::QUInt4x2, "quint4x2", "QUInt4x2Storage", ""},
    Names{ScalarType::QUInt2x4, "quint2x4", "QUInt2x4Storage", ""}};

}  // namespace

std::optional<ScalarType> find_type(std::string_view name) {
  for (const std::string_view prefix :
       {"torch.cuda.", "torch.storage.", "torch."}) {
    if (name.starts_with(prefix)) {
      name.remove_prefix(prefix.size());
      break;
    }
  }
  if (name.empty()) return std::nullopt;
  for (const auto& names : kTypes) {
    if (name == names.dtype || name == names.storage ||
        name == names.safetensors) {
      return names.type;
    }
  }
  return std::nullopt;
}

bool is_readable(ScalarType type) { return !c10::isQIntType(type); }

std::string safetensors_name(ScalarType type) {
  for (const auto& names : kTypes) {
    if (names.type == type) return std::string(names.safetensors);
  }
  return "";
}

}  // namespace skipzoo

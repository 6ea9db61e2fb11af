#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace skipzoo {

// As much of protobuf's wire format as ONNX and TensorBoard's files need
// (protobuf.dev/programming-guides/encoding).

/// A field of a message: a number, four bytes of a float, or a piece of bytes.
struct ProtoField {
  int number = 0;
  uint64_t integer = 0;  ///< Of a varint, or the bits of a fixed32 or fixed64.
  std::string_view bytes;  ///< Of a string, message or packed list.
};

/// Calls `visit` for each field of a message. Throws std::runtime_error where
/// it is damaged.
void for_each_field(std::string_view message,
                    const std::function<void(const ProtoField&)>& visit);
/// The numbers of a packed list of varints.
void for_each_varint(std::string_view packed,
                     const std::function<void(uint64_t)>& visit);

/// A field of bytes, as it is written.
std::string proto_field(int number, std::string_view bytes);
void append_field(std::string& message, int number, std::string_view bytes);
/// A field of a whole number, of a float's four bytes, of a double's eight.
void append_varint(std::string& message, int number, uint64_t value);
void append_float(std::string& message, int number, float value);
void append_double(std::string& message, int number, double value);

}  // namespace skipzoo

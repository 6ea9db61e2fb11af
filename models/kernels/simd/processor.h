#pragma once

#include <string>

#include "models/fields.h"

namespace skipzoo {

/// Instruction sets that kernels are written for. Each of a processor's family
/// comes with those before it.
enum class Isa {
  kPlain,       ///< Vectors without intrinsics: what every processor has.
  kNeon,        ///< Of 64-bit ARM, every one of which has it.
  kAvx2,        ///< With FMA.
  kAvx512,      ///< The foundation (F) alone.
  kAvx512Bf16,  ///< With BW and VL, as every processor with BF16 has.
  kAmx,         ///< Tiles of bfloat16; here it leaves work to oneDNN.
};
template <>
struct EnumNames<Isa> {
  static constexpr Named<Isa> values[] = {{Isa::kPlain, "plain"},
                                          {Isa::kNeon, "neon"},
                                          {Isa::kAvx2, "avx2"},
                                          {Isa::kAvx512, "avx512"},
                                          {Isa::kAvx512Bf16, "avx512_bf16"},
                                          {Isa::kAmx, "amx"}};
};

/// The best that this processor has.
Isa best_isa();
/// Whether this processor has it.
bool has(Isa isa);
/// The one that `name` is. Throws std::invalid_argument where there is none of
/// that name, or where this processor has it not.
Isa isa_named(const std::string& name);
/// What SKIPZOO_ISA in the environment names, else best_isa(). Throws as
/// isa_named() does.
Isa isa_asked_for();
/// What our kernels use in this process: isa_asked_for(), asked once.
/// LibTorch's own operators do not: theirs is ATEN_CPU_CAPABILITY.
inline Isa isa() {
  static const Isa chosen = isa_asked_for();
  return chosen;
}

inline bool has_avx2() { return isa() >= Isa::kAvx2; }
inline bool has_avx512() { return isa() >= Isa::kAvx512; }
inline bool has_avx512_bf16() { return isa() >= Isa::kAvx512Bf16; }
inline bool has_amx() { return isa() >= Isa::kAmx; }

}  // namespace skipzoo

#pragma once

// What this processor can do.

#if defined(__x86_64__) && defined(__GNUC__)
#define SKIPZOO_X86 1
#include <cpuid.h>
#endif

namespace skipzoo {

#ifdef SKIPZOO_X86
/// Tiles that multiply bfloat16, which compilers' own names for came late.
inline bool has_amx() {
  static const bool has = [] {
    constexpr unsigned kFeatures = 7, kAmxBf16 = 1U << 22;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(kFeatures, 0, &eax, &ebx, &ecx, &edx) != 0 &&
           (edx & kAmxBf16) != 0;
  }();
  return has;
}
inline bool has_avx2() {
  static const bool has =
      __builtin_cpu_supports("avx2") > 0 && __builtin_cpu_supports("fma") > 0;
  return has;
}
inline bool has_avx512() {
  static const bool has = __builtin_cpu_supports("avx512f") > 0;
  return has;
}
/// With the parts that every processor with AVX512-BF16 has.
inline bool has_avx512_bf16() {
  static const bool has = has_avx512() &&
                          __builtin_cpu_supports("avx512bw") > 0 &&
                          __builtin_cpu_supports("avx512vl") > 0 &&
                          __builtin_cpu_supports("avx512bf16") > 0;
  return has;
}
#else
inline bool has_amx() { return false; }
inline bool has_avx2() { return false; }
inline bool has_avx512() { return false; }
inline bool has_avx512_bf16() { return false; }
#endif

}  // namespace skipzoo

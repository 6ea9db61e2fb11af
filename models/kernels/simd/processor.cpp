#include "models/kernels/simd/processor.h"

#include <cstdlib>
#include <stdexcept>

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace skipzoo {

namespace {

#ifdef __x86_64__
/// Asked of the processor itself: compilers' names for AMX came late.
bool processor_has_amx() {
  constexpr unsigned kFeatures = 7, kAmxBf16 = 1U << 22;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(kFeatures, 0, &eax, &ebx, &ecx, &edx) != 0 &&
         (edx & kAmxBf16) != 0;
}

Isa ask_processor() {
  if (__builtin_cpu_supports("avx2") <= 0 ||
      __builtin_cpu_supports("fma") <= 0) {
    return Isa::kPlain;
  }
  if (__builtin_cpu_supports("avx512f") <= 0) return Isa::kAvx2;
  if (__builtin_cpu_supports("avx512bw") <= 0 ||
      __builtin_cpu_supports("avx512vl") <= 0 ||
      __builtin_cpu_supports("avx512bf16") <= 0) {
    return Isa::kAvx512;
  }
  return processor_has_amx() ? Isa::kAmx : Isa::kAvx512Bf16;
}
#elif defined(__aarch64__)
Isa ask_processor() { return Isa::kNeon; }
#else
Isa ask_processor() { return Isa::kPlain; }
#endif

/// Whether processors like this one may have it.
bool is_of_family(Isa isa) {
#ifdef __aarch64__
  return isa <= Isa::kNeon;
#else
  return isa != Isa::kNeon;
#endif
}

}  // namespace

Isa best_isa() {
  static const Isa best = ask_processor();
  return best;
}

bool has(Isa isa) { return is_of_family(isa) && isa <= best_isa(); }

Isa isa_named(const std::string& name) {
  std::string known;
  for (const auto& entry : EnumNames<Isa>::values) {
    if (!is_of_family(entry.value)) continue;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
    if (entry.name != name) continue;
    if (has(entry.value)) return entry.value;
    throw std::invalid_argument("SKIPZOO_ISA: this processor has no " + name +
                                ", at most " +
                                std::string(name_of(best_isa())));
  }
  throw std::invalid_argument("SKIPZOO_ISA: '" + name + "' is none of " +
                              known);
}

Isa isa_asked_for() {
  const char* name = std::getenv("SKIPZOO_ISA");
  return name == nullptr || *name == '\0' ? best_isa() : isa_named(name);
}

}  // namespace skipzoo

#include "models/kernels/cuda/nvrtc.h"

#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <algorithm>

#include "models/kernels/cuda/sources.h"

namespace skipzoo {

SharedLibrary::SharedLibrary(const std::string& name)
    : handle_(dlopen(name.c_str(), RTLD_LAZY)), name_(name) {
  if (handle_ == nullptr) TORCH_CHECK(false, dlerror());
}

void* SharedLibrary::symbol(const char* name) const {
  void* found = dlsym(handle_, name);
  TORCH_CHECK(found != nullptr, name_, " has no ", name);
  return found;
}

namespace {

// As in nvrtc.h, which wheels are without.
using Program = struct NvrtcProgram*;
using Result = int;
constexpr Result kDone = 0;
using OfProgram = Result(Program);
using SizeOf = Result(Program, size_t*);
using TextOf = Result(Program, char*);

}  // namespace

struct Nvrtc::Api {
  explicit Api(const SharedLibrary& library)
      : create(library.function<Create>("nvrtcCreateProgram")),
        add_name(library.function<AddName>("nvrtcAddNameExpression")),
        compile(library.function<Compile>("nvrtcCompileProgram")),
        lowered(library.function<Lowered>("nvrtcGetLoweredName")),
        log_size(library.function<SizeOf>("nvrtcGetProgramLogSize")),
        log(library.function<TextOf>("nvrtcGetProgramLog")),
        cubin_size(library.function<SizeOf>("nvrtcGetCUBINSize")),
        cubin(library.function<TextOf>("nvrtcGetCUBIN")),
        ptx_size(library.function<SizeOf>("nvrtcGetPTXSize")),
        ptx(library.function<TextOf>("nvrtcGetPTX")),
        destroy(library.function<Destroy>("nvrtcDestroyProgram")),
        count_architectures(
            library.function<Numbers>("nvrtcGetNumSupportedArchs")),
        architectures(library.function<Numbers>("nvrtcGetSupportedArchs")),
        words(library.function<Words>("nvrtcGetErrorString")) {}

  void check(Result result, const char* what) const {
    TORCH_CHECK(result == kDone, "NVRTC, ", what, ": ", words(result));
  }
  std::string text(Program program, SizeOf* size, TextOf* get) const {
    size_t bytes = 0;
    check(size(program, &bytes), "result");
    std::string found(bytes, '\0');
    check(get(program, found.data()), "result");
    return found;
  }

  using Create = Result(Program*, const char* source, const char* name,
                        int headers, const char* const* texts,
                        const char* const* names);
  using AddName = Result(Program, const char*);
  using Compile = Result(Program, int, const char* const* options);
  using Lowered = Result(Program, const char*, const char**);
  using Destroy = Result(Program*);
  using Numbers = Result(int*);
  using Words = const char*(Result);
  Create* create;
  AddName* add_name;
  Compile* compile;
  Lowered* lowered;
  SizeOf* log_size;
  TextOf* log;
  SizeOf* cubin_size;
  TextOf* cubin;
  SizeOf* ptx_size;
  TextOf* ptx;
  Destroy* destroy;
  Numbers* count_architectures;
  Numbers* architectures;
  Words* words;
};

Nvrtc::Nvrtc(const SharedLibrary& library)
    : api_(std::make_shared<const Api>(library)) {}

std::vector<int> Nvrtc::architectures() const {
  int count = 0;
  api_->check(api_->count_architectures(&count), "architectures");
  std::vector<int> all(static_cast<size_t>(count));
  api_->check(api_->architectures(all.data()), "architectures");
  std::sort(all.begin(), all.end());
  return all;
}

Nvrtc::Compiled Nvrtc::compile(const char* file, const std::string& kernel,
                               int architecture) const {
  std::vector<const char*> names, texts;
  for (const auto& source : cuda_sources()) {
    names.push_back(source.name);
    texts.push_back(source.text);
  }
  Program program = nullptr;
  api_->check(
      api_->create(&program, cuda_source(file), file,
                   static_cast<int>(names.size()), texts.data(), names.data()),
      file);
  const std::shared_ptr<void> destroyed(
      nullptr, [&](void*) { api_->destroy(&program); });

  const auto known = architectures();
  const bool knows =
      std::find(known.begin(), known.end(), architecture) != known.end();
  const auto next = std::lower_bound(known.begin(), known.end(), architecture);
  TORCH_CHECK(next != known.begin() || knows,
              "NVRTC has no compute capability ", architecture,
              ": the oldest is ", known.empty() ? 0 : known[0]);
  const auto target = "--gpu-architecture=" +
                      (knows ? "sm_" + std::to_string(architecture)
                             : "compute_" + std::to_string(*(next - 1)));
  // packs.h has functions for either side.
  const char* options[] = {"--std=c++17", "--device-as-default-execution-space",
                           target.c_str()};
  const auto expression = "skipzoo::cuda::" + kernel;
  api_->check(api_->add_name(program, expression.c_str()), kernel.c_str());
  const Result result = api_->compile(program, 3, options);
  TORCH_CHECK(result == kDone, "models/kernels/cuda/", file, ", ", kernel, ", ",
              target, ": ", api_->words(result), '\n',
              api_->text(program, api_->log_size, api_->log).c_str());
  const char* name = nullptr;
  api_->check(api_->lowered(program, expression.c_str(), &name),
              kernel.c_str());
  return {knows ? api_->text(program, api_->cubin_size, api_->cubin)
                : api_->text(program, api_->ptx_size, api_->ptx),
          name};
}

}  // namespace skipzoo

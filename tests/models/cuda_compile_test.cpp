// Kernels by NVIDIA's own compiler, which needs no GPU.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "models/kernels/cuda/nvrtc.h"
#include "tests/models/cuda_kernels.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// Libraries of that name beside LibTorch's, or in its wheel's neighbours.
std::vector<std::string> libraries(const std::string& name) {
  std::vector<std::string> found;
  const fs::path torch = SKIPZOO_TORCH;
  std::vector<fs::path> folders = {torch / "lib"};
  std::error_code none;
  for (const auto& folder :
       fs::directory_iterator(torch / ".." / "nvidia", none)) {
    folders.push_back(folder.path() / "lib");
  }
  for (const auto& folder : folders) {
    for (const auto& file : fs::directory_iterator(folder, none)) {
      const auto own = file.path().filename().string();
      if (own.starts_with(name) && own.find(".alt.") == std::string::npos) {
        found.push_back(file.path().string());
      }
    }
  }
  return found;
}

/// Those that do all that their templates can.
std::vector<KernelName> longest_of(std::vector<KernelName> kernels) {
  std::erase_if(kernels, [](const KernelName& name) {
    return name.kernel.find("false") != std::string::npos;
  });
  return kernels;
}

class Compiled : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = libraries("libnvrtc.so");
    if (found.empty()) GTEST_SKIP() << "no NVRTC beside this LibTorch";
    // NVRTC opens them by their name alone.
    for (const auto& needed : libraries("libnvrtc-builtins.so")) {
      const SharedLibrary stays_open(needed);
    }
    nvrtc_ = std::make_unique<Nvrtc>(SharedLibrary(found[0]));
  }
  void compile(const std::vector<KernelName>& kernels, int architecture) {
    for (const auto& [file, kernel] : kernels) {
      const auto made = nvrtc_->compile(file, kernel, architecture);
      EXPECT_TRUE(made.image.starts_with("\177ELF")) << kernel;
      EXPECT_NE(made.image.find(made.name), std::string::npos) << kernel;
    }
  }

  std::unique_ptr<Nvrtc> nvrtc_;
};

TEST_F(Compiled, AreTheKernelsOfEveryTypeForAnH200) {
  compile(kernel_names(at::kBFloat16), 90);
  for (const auto type : {at::kFloat, at::kHalf, at::kDouble}) {
    compile(longest_of(kernel_names(type)), 90);
  }
}

TEST_F(Compiled, AreTheKernelsForOtherGpus) {
  for (const int architecture : {75, 80, 100}) {
    compile(longest_of(kernel_names(at::kBFloat16)), architecture);
  }
}

TEST_F(Compiled, IsPtxForAGpuThatIsNewerThanTheCompiler) {
  const auto made = nvrtc_->compile("batch_norm_backward.cu",
                                    "batch_norm_gradient_numbers<float>", 9999);
  EXPECT_NE(made.image.find(".target sm_" +
                            std::to_string(nvrtc_->architectures().back())),
            std::string::npos);
}

TEST_F(Compiled, AnErrorHasTheCompilersWords) {
  try {
    nvrtc_->compile("batch_norm.cu", "no_such_kernel<float>", 90);
    FAIL() << "it compiles";
  } catch (const c10::Error& error) {
    const std::string words = error.what_without_backtrace();
    EXPECT_NE(words.find("no_such_kernel"), std::string::npos) << words;
  }
}

TEST(SharedLibrary, SaysWhichIsNotThere) {
  try {
    SharedLibrary("libno_such_library.so");
    FAIL() << "it opens";
  } catch (const c10::Error& error) {
    EXPECT_NE(std::string(error.what()).find("libno_such_library.so"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace skipzoo

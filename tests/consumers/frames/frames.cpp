// frames RUN FOLDER: what is seen in each frame of a camera, and how long that
// takes. The pictures of a folder stand in for the camera.
#include <tools/data/picture_files.h>
#include <tools/run/predictor.h>

#include <chrono>
#include <iostream>

#if __has_include(<opencv2/core.hpp>)
#include <opencv2/core.hpp>
using cv::Mat;
#else
/// What a cv::Mat of type CV_8UC3 looks like, where OpenCV is not installed.
struct Mat {
  int rows = 0, cols = 0;
  uint8_t* data = nullptr;
  size_t step = 0;
};
#endif

/// A cv::Mat of type CV_8UC3, as cv::VideoCapture gives it, without a copy.
skipzoo::PixelView view_of(const Mat& mat) {
  return {.data = mat.data,
          .width = mat.cols,
          .height = mat.rows,
          .format = skipzoo::PixelFormat::kBgr,
          .stride = static_cast<int64_t>(static_cast<size_t>(mat.step))};
}

/// What a camera would write: blue, green and red, rows of a multiple of 64
/// bytes. The frame is valid until the next one.
class Camera {
 public:
  explicit Camera(const std::string& folder)
      : files_(skipzoo::find_pictures({folder}, std::cin).files) {}

  bool read(Mat& frame) {
    if (next_ == files_.size()) return false;
    const auto rgb = skipzoo::read_image(files_[next_++], 3);
    const auto row = static_cast<size_t>(3 * rgb.width);
    const size_t step = (row + 63) / 64 * 64;
    memory_.assign(static_cast<size_t>(rgb.height) * step, 0);
    for (int64_t i = 0; i < rgb.height * rgb.width; ++i) {
      const auto* pixel = &rgb.pixels[static_cast<size_t>(3 * i)];
      auto* out = &memory_[static_cast<size_t>(i / rgb.width) * step +
                           static_cast<size_t>(3 * (i % rgb.width))];
      out[0] = pixel[2];
      out[1] = pixel[1];
      out[2] = pixel[0];
    }
#if __has_include(<opencv2/core.hpp>)
    frame = Mat(static_cast<int>(rgb.height), static_cast<int>(rgb.width),
                CV_8UC3, memory_.data(), step);
#else
    frame = {.rows = static_cast<int>(rgb.height),
             .cols = static_cast<int>(rgb.width),
             .data = memory_.data(),
             .step = step};
#endif
    return true;
  }

 private:
  std::vector<std::filesystem::path> files_;
  std::vector<uint8_t> memory_;
  size_t next_ = 0;
};

int main(int, char** arguments) {
  const auto net = skipzoo::load(arguments[1]);
  Camera camera(arguments[2]);
  for (Mat frame; camera.read(frame);) {
    const auto start = std::chrono::steady_clock::now();
    const auto best = net.predict(view_of(frame), 1).front();
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - start;
    std::cout << best.name << ", " << 100 * best.probability << " %, in "
              << took.count() << " ms\n";
  }
}

#pragma once

#include <cstddef>
#include <cstdint>

namespace skipzoo {

/// What the way of a picture from its file to a batch is made of.
enum class Stage {
  kDecode,   ///< Reading and decoding.
  kResize,   ///< Resizing, whoever asks for it.
  kAugment,  ///< What else a picture goes through in training.
};
constexpr size_t kStages = 3;

/// Measures the CPU time of the stages, of all threads together, while it
/// lives. One at a time.
class StageTimes {
 public:
  StageTimes();
  ~StageTimes();
  StageTimes(const StageTimes&) = delete;
  StageTimes& operator=(const StageTimes&) = delete;

  /// CPU seconds in a stage so far, without what is in others within it.
  double seconds(Stage stage) const;
};

/// The thread is in a stage while this lives. Costs next to nothing where
/// nobody measures.
class InStage {
 public:
  explicit InStage(Stage stage);
  ~InStage();
  InStage(const InStage&) = delete;
  InStage& operator=(const InStage&) = delete;

 private:
  int outer_;  ///< The stage around it, if any and if measured.
};

}  // namespace skipzoo

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tools/plan/candidates.h"
#include "tools/plan/pictures_at_hand.h"

namespace skipzoo {

/// A config to be, chosen for pictures and a time.
struct Plan {
  PicturesAtHand pictures;
  std::optional<Pretrained> pretrained;
  Candidate network;
  int64_t batch_size = 0;
  int64_t epochs = 1;
  double minutes = 0;  ///< That the run may take.
  double lr = 0;

  // Why the latter are what they are.
  std::string why_epochs;
  std::string why_lr;

  int64_t steps_per_epoch() const;
};

/// All but what must be measured: epochs is 1, lr what is usual.
Plan plan_for(const PicturesAtHand& pictures,
              const std::optional<Pretrained>& pretrained,
              const Candidate& network, double minutes);

/// Chooses plan.epochs by the time that a training picture takes here. Returns
/// whether they are enough for this network to learn; another that is faster
/// would do better where they are not.
bool choose_epochs(Plan& plan, double seconds_per_picture);

/// Whether pictures are mixed in training (mixup): few that are seen often.
/// ResNet-20 on 200 photos of CIFAR-10, 150 epochs: 34.6 % of other photos
/// without, 37.8 with it; where each is seen 20 times, it costs three.
bool mixes_pictures(const Plan& plan);

/// What a sweep over learning rates says.
struct SweepRates {
  double valley = 0;  ///< Half way down the longest fall of the loss.
  double least = 0;   ///< Where the smoothed loss is least.
};
/// Chooses plan.lr by a sweep, within a factor of what is usual for the
/// optimizer, as a sweep of a hundred steps can err by more. For weights that
/// are good already, the valley. From scratch, with Muon and one cycle, a third
/// of the rate of the least loss: the valley's learns far too slowly (ResNet-20
/// on 5,000 photos of CIFAR-10, six epochs: 51.8 % at 0.001, 60.0 at
/// 0.004, 64.0 at 0.016, where the valley is at 0.0017 and the least loss at
/// 0.04).
void choose_lr(Plan& plan, std::optional<SweepRates> found);

/// The config as YAML with a word behind each choice. Paths in it are relative
/// to `folder`, that of the file, where what they name is in it; `name` is the
/// file's.
std::string config_text(const Plan& plan, const std::filesystem::path& folder,
                        const std::string& name);

}  // namespace skipzoo

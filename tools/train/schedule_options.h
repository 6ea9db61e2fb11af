#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/fields.h"

namespace skipzoo {

enum class ScheduleKind {
  kConstant,
  kStep,
  kMultistep,
  kCosine,
  kPoly,
  kOnecycle,
  kPlateau,
  kWsd
};
template <>
struct EnumNames<ScheduleKind> {
  static constexpr Named<ScheduleKind> values[] = {
      {ScheduleKind::kConstant, "constant"},
      {ScheduleKind::kStep, "step"},
      {ScheduleKind::kMultistep, "multistep"},
      {ScheduleKind::kCosine, "cosine"},
      {ScheduleKind::kPoly, "poly"},
      {ScheduleKind::kOnecycle, "onecycle"},
      {ScheduleKind::kPlateau, "plateau"},
      {ScheduleKind::kWsd, "wsd"}};
};

/// How the rate of wsd falls over the share x of its decay.
enum class DecayType {
  kLinear,        ///< 1 - x.
  kCosine,        ///< (1 + cos(pi x)) / 2.
  kOneMinusSqrt,  ///< 1 - sqrt(x): Haegele et al. 2024 (arXiv:2405.18392).
};
template <>
struct EnumNames<DecayType> {
  static constexpr Named<DecayType> values[] = {
      {DecayType::kLinear, "linear"},
      {DecayType::kCosine, "cosine"},
      {DecayType::kOneMinusSqrt, "1-sqrt"}};
};

/// Which rate the steps of a warm-up have.
enum class Warmup {
  kLinear,     ///< From one step above warmup_lr; the last step has lr.
  kFromStart,  ///< From warmup_lr itself, often 0: runs of older versions.
};
template <>
struct EnumNames<Warmup> {
  static constexpr Named<Warmup> values[] = {
      {Warmup::kLinear, "linear"}, {Warmup::kFromStart, "from_start"}};
};

/// The learning rate as a function of progress, in epochs.
struct ScheduleOptions {
  ScheduleKind name = ScheduleKind::kCosine;
  /// step: multiplies by gamma every so many epochs.
  int64_t step_epochs = 30;
  /// multistep: multiplies by gamma at each of these epochs.
  std::vector<int64_t> milestones;
  double gamma = 0.1;
  /// A straight line from warmup_lr to lr, before any of them.
  double warmup_epochs = 0;
  double warmup_lr = 0;
  /// Kept by a run that goes on; a new one has no reason to change it.
  Warmup warmup = Warmup::kLinear;
  /// cosine, poly and wsd end there; plateau goes no lower.
  double min_lr = 0;
  /// poly: (1 - progress)^power.
  double power = 1;
  /// onecycle (Smith & Topin 2018, arXiv:1708.07120): up to lr for this share
  /// of the run, from lr / div_factor, then down to that / final_div_factor;
  /// the momentum stays.
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;
  /// plateau: multiplies by factor after more than `patience` epochs whose
  /// eval_metric is not better than the best by this share of it.
  int64_t patience = 10;
  double factor = 0.1;
  double threshold = 1e-4;
  /// wsd (warm-up, stable, decay: Hu et al. 2024, arXiv:2404.06395, section 4):
  /// falls over so many last epochs.
  double decay_epochs = 0;
  DecayType decay_type = DecayType::kLinear;

  template <typename Fields>
  void describe(Fields& field) {
    field("name", name, "shape of the learning rate over the epochs");
    field("step_epochs", step_epochs, "epochs between two steps", at_least(1));
    field("milestones", milestones, "epochs at which multistep drops",
          each(at_least(1)));
    field("gamma", gamma, "what a step or milestone multiplies by", above(0));
    field("warmup_epochs", warmup_epochs,
          "epochs of linear warm-up, counted in", at_least(0));
    field("warmup_lr", warmup_lr, "where the warm-up starts", at_least(0));
    field("warmup", warmup,
          "linear: no step stands at warmup_lr; from_start: the first one "
          "does, as in runs of older versions");
    field("min_lr", min_lr, "where cosine, poly, plateau and wsd end",
          at_least(0));
    field("power", power, "of poly: 1 is a straight line", above(0));
    field("pct_start", pct_start, "share of onecycle in which the rate rises",
          between(0, 1));
    field("div_factor", div_factor, "onecycle starts from lr divided by it",
          at_least(1));
    field("final_div_factor", final_div_factor,
          "onecycle ends at its start divided by it", at_least(1));
    field("patience", patience,
          "epochs without a better eval_metric that plateau waits",
          at_least(0));
    field("factor", factor, "what plateau multiplies the rate by",
          between(1e-6, 0.999999));
    field("threshold", threshold,
          "share of the best by which an epoch must be better for plateau",
          between(0, 0.99));
    field("decay_epochs", decay_epochs, "last epochs over which wsd falls",
          at_least(0));
    field("decay_type", decay_type, "how wsd falls");
  }
  bool uses(std::string_view key) const;
  void validate(Problems& problems) const;
};

}  // namespace skipzoo

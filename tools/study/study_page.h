#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/report/history.h"
#include "tools/study/cell_result.h"
#include "tools/study/layer_rows.h"
#include "tools/study/loss_surface.h"

namespace skipzoo {

/// A cell of a study, as its folder has it.
struct StudyRun {
  CellResult result;
  std::vector<EpochRow> epochs = {};
  std::vector<LayerRow> layers = {};
  LossSurface surface = {};  ///< Without points where it was not asked for.
};

/// What the page of a study is made of.
struct StudyReport {
  std::string title;
  std::string config_yaml;
  std::vector<StudyRun> runs = {};  ///< That are done.
  int64_t cells = 0;                ///< How many there will be.
  int64_t seed = 0;                 ///< Whose layers and surfaces are shown.
};

/// study.html: what was compared, the claims with their outcomes, the table,
/// curves by depth, each network's gradients by layer and epoch, and loss
/// surfaces. One page that fetches nothing.
std::string study_page(const StudyReport& report);

}  // namespace skipzoo

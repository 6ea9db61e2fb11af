#include "tools/train/step_report.h"

#include <spdlog/spdlog.h>

#include "tools/log.h"

namespace skipzoo {

void log_step(const StepReport& report, double batch_loss, double lr,
              double data_seconds) {
  step_log()->info(
      "Train: {} [{:>4}/{} ({:3.0f}%)]  Loss: {:.4f} ({:.4f})  Acc@1: {:.2f}  "
      "{:.0f} img/s  LR: {:.3e}  Data: {:.3f} s",
      report.epoch, report.batch, report.batches,
      100.0 * static_cast<double>(report.batch) /
          static_cast<double>(report.batches),
      batch_loss, report.loss, report.top1, report.images_per_s, lr,
      data_seconds);
}

}  // namespace skipzoo

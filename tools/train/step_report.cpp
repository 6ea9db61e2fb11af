#include "tools/train/step_report.h"

#include <spdlog/spdlog.h>

#include <cstdio>

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

std::string epoch_remark(const EpochTimes& times, int64_t new_size) {
  char data[64];
  std::snprintf(data, sizeof(data), "  Data: %.2f s (%.1f %%)", times.waiting,
                times.waiting_share());
  const auto size = new_size == 0 ? "" : "  Size: " + std::to_string(new_size);
  return data + size;
}

}  // namespace skipzoo

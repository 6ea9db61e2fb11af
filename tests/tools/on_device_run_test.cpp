// A run whose pictures live on the device, here the CPU.

#include <gtest/gtest.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

Settings run_on_device(bool on_device) {
  auto s = small_run();
  s.data.augment.random_erasing.p = 0.5;
  s.data.augment.mixup = 0.5;
  s.batch_transforms = batch_transforms(s.data, 4);
  s.on_device = on_device;
  return s;
}

TEST(OnDeviceRun, IsTheRunOfTheWorkersBitForBit) {
  TemporaryFolder folder;
  run(run_on_device(false), folder / "host");
  run(run_on_device(true), folder / "device");
  expect_same_run(folder / "host", folder / "device");
}

TEST(OnDeviceRun, GoesOnWhereverItsPicturesWere) {
  TemporaryFolder folder;
  run(run_on_device(false), folder / "whole");
  for (const bool first : {false, true}) {
    const auto parts = folder / (first ? "there" : "here");
    run(run_on_device(first), parts, stop_after(10));  // Of seven an epoch.
    run(run_on_device(!first), parts);
    expect_same_run(folder / "whole", parts);
  }
}

}  // namespace
}  // namespace skipzoo

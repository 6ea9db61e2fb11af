// Headers of safetensors files that do not describe what follows them: refused
// where the format's own reader (safetensors 0.8) refuses them.

#include "tests/support/hostile.h"
#include "tests/support/zip.h"

namespace skipzoo {
namespace {

std::string safetensors(const std::string& header, size_t data = 16) {
  return little_endian(header.size()) + header + std::string(data, 'x');
}

TEST(HostileSafetensors, IsRefusedWithItsReason) {
  const auto entry = [](const std::string& shape, const std::string& offsets) {
    return "{\"a\":{\"dtype\":\"F32\",\"shape\":" + shape +
           ",\"data_offsets\":" + offsets + "}}";
  };
  EXPECT_EQ(error_of(safetensors(entry("[4]", "[0,16]"))), "no error");
  expect_refused(safetensors(entry("[8]", "[0,32]")), "beyond the file");
  expect_refused(safetensors(entry("[4]", "[16,0]")), "does not fit");
  expect_refused(safetensors(entry("[5]", "[0,16]")), "does not fit");
  expect_refused(safetensors(entry("[-4]", "[0,16]")), "below zero");
  expect_refused(safetensors(entry("[4611686018427387905,4]", "[0,16]")),
                 "exceed 64 bits");
  expect_refused(safetensors(entry("[0,4611686018427387905,9]", "[0,0]"), 0),
                 "exceed 64 bits");
  expect_refused(safetensors(entry("\"four\"", "[0,16]")), "header is damaged");
  expect_refused(
      safetensors(
          "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"
          "},\"b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[4,"
          "16]}}"),
      "overlap");
  expect_refused(safetensors("{" + std::string(100'000, '[')), "JSON");
  expect_refused(
      safetensors("{\"a\":{\"x\":" + std::string(100'000, '[') + "}}"),
      "nested too deeply");
  expect_refused(little_endian(1 << 20) + "{}", "beyond the file");
  expect_refused("{\"weight_map\": {\"a\": \"../../etc/passwd\"}}",
                 "no file beside it");
}

TEST(HostileSafetensors, IsReadAsStrictlyAsByItsOwnReader) {
  const std::string one =
      "\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}";
  EXPECT_EQ(error_of(safetensors("{" + one + "}  ")), "no error");
  EXPECT_EQ(
      error_of(safetensors("{\"__metadata__\":{\"k\":\"v\"}," + one + "}")),
      "no error");
  expect_refused(safetensors("{\"__metadata__\":{\"k\":1}," + one + "}"),
                 "header is damaged");
  expect_refused(safetensors("{\"__metadata__\":{\"dtype\":\"F32\",\"shape\":"
                             "[4],\"data_offsets\":[0,16]}}"),
                 "header is damaged");
  expect_refused(safetensors("{" + one + "}", 17), "1 bytes behind");
  expect_refused(safetensors("{" + one + "," + one + "}"), "twice");
  expect_refused(safetensors("{}"), "16 bytes behind");
  const auto entry = [](const std::string& shape, const std::string& offsets) {
    return "{\"a\":{\"dtype\":\"F32\",\"shape\":" + shape +
           ",\"data_offsets\":" + offsets + "}}";
  };
  expect_refused(safetensors(entry("[3]", "[4,16]")), "a gap before");
  expect_refused(safetensors(entry("[2.5]", "[0,16]")), "a fraction");
  expect_refused(safetensors(entry("[4]", "[0,16,16]")), "two offsets");
  expect_refused(safetensors(entry("[4]", "[0]")), "lacks its");
  expect_refused(safetensors(entry("4", "[0,16]")), "header is damaged");
  expect_refused(safetensors("{\"a\":{\"dtype\":\"F99\",\"shape\":[4],"
                             "\"data_offsets\":[0,16]}}"),
                 "has not");
  expect_refused(safetensors("{\"a\":3}"), "header is damaged");
  expect_refused(safetensors("{\"\xff\":" + one.substr(4) + "}"), "no JSON");
  expect_refused(little_endian(100'000'001) + "{}", "the format allows");
  EXPECT_NE(error_of(safetensors(" {" + one + "}"), "a.safetensors")
                .find("does not begin with a brace"),
            std::string::npos);
}

// 50,000 tensors took 100 s where Python's reader takes 2.
TEST(HostileSafetensors, AHeaderIsReadInTimeThatGrowsWithItsLength) {
  std::string header = "{";
  for (int i = 0; i < 50'000; ++i) {
    const auto offset = std::to_string(4 * i);
    header += (i > 0 ? ",\"" : "\"") + std::to_string(i) +
              "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" +
              offset + "," + std::to_string(4 * i + 4) + "]}";
  }
  TemporaryFolder folder;
  const auto path =
      folder.write("many.safetensors", safetensors(header + "}", 200'000));
  const double start = computing_seconds();
  EXPECT_EQ(read_weight_file(path).tensors.size(), 50'000u);
  EXPECT_LT(computing_seconds() - start, 8);
}

}  // namespace
}  // namespace skipzoo

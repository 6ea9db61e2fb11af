#include "tools/cli/feature_table.h"

#include <array>
#include <charconv>

#include "tools/data/table.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

bool is_npy(const std::filesystem::path& file) {
  return in_small_letters(file.extension().string()) == ".npy";
}

/// The start of a file of NumPy's format, version 1.0 (NEP 1).
std::string npy_header(size_t rows, size_t columns) {
  const std::string magic("\x93NUMPY\x01\x00", 8);
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                     std::to_string(rows) + ", " + std::to_string(columns) +
                     "), }";
  constexpr size_t kMultiple = 64, kLengthBytes = 2;
  while ((magic.size() + kLengthBytes + text.size() + 1) % kMultiple != 0) {
    text += ' ';
  }
  text += '\n';
  const auto length = text.size();
  return magic + static_cast<char>(length & 0xFF) +
         static_cast<char>(length >> 8) + text;
}

}  // namespace

void check_feature_file(const std::filesystem::path& file) {
  const auto ending = in_small_letters(file.extension().string());
  if (ending == ".npy" || ending == ".csv") return;
  throw ConfigError("--features: " + file.string() +
                    ": expected a name that ends in .npy or .csv");
}

void FeatureTable::add(const Batch& batch, const torch::Tensor& embeddings) {
  const auto* index = batch.indices.const_data_ptr<int64_t>();
  indices_.insert(indices_.end(), index, index + batch.size());
  const auto rows = embeddings.contiguous();
  const auto* value = rows.const_data_ptr<float>();
  values_.insert(values_.end(), value, value + rows.numel());
}

void FeatureTable::write(const std::filesystem::path& file) const {
  is_npy(file) ? write_npy(file) : write_csv(file);
}

void FeatureTable::write_npy(const std::filesystem::path& file) const {
  const size_t rows = indices_.size();
  const size_t columns = rows == 0 ? 0 : values_.size() / rows;
  write_output(file, [&](OutputFile& out) {
    out.write(npy_header(rows, columns));
    out.write({reinterpret_cast<const char*>(values_.data()),
               values_.size() * sizeof(float)});
  });
}

void FeatureTable::write_csv(const std::filesystem::path& file) const {
  const size_t rows = indices_.size();
  const size_t columns = rows == 0 ? 0 : values_.size() / rows;
  write_output(file, [&](OutputFile& out) {
    std::string line = "image";
    for (size_t c = 0; c < columns; ++c) line += "," + std::to_string(c);
    out.write(line + "\n");
    for (size_t r = 0; r < rows; ++r) {
      line = csv_field(pictures_->name(indices_[r]));
      for (size_t c = 0; c < columns; ++c) {
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + 32,
                                       values_[r * columns + c]);
        line.append(",").append(digits.data(), end.ptr);
      }
      out.write(line + "\n");
    }
  });
}

}  // namespace skipzoo

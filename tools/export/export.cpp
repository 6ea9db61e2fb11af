#include "tools/export/export.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <string>

#include "models/classifier.h"
#include "tools/error.h"
#include "tools/export/format.h"
#include "tools/file.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::vector<int64_t> batch_of(int64_t count, std::vector<int64_t> shape) {
  shape.insert(shape.begin(), count);
  return shape;
}

double bound_of(at::ScalarType type) {
  return type == at::kFloat ? 1e-4 : type == at::kHalf ? 0.02 : 0.1;
}

/// Batches of other sizes than the traced one.
std::vector<std::vector<int64_t>> shapes_to_try(const ExportSubject& subject) {
  const auto& shape = subject.network.metadata.input_shape;
  std::vector<std::vector<int64_t>> shapes = {batch_of(1, shape),
                                              batch_of(5, shape)};
  if (subject.model.takes_any_size()) {
    // Smaller where that leaves enough for five halvings.
    const auto other = [](int64_t size) {
      return size >= 128 ? size - 32 : size + 8;
    };
    shapes.push_back({3, shape[0], other(shape[1]), other(shape[2])});
  }
  return shapes;
}

/// How far the file is from the network on one fresh batch.
double difference_on(const std::vector<int64_t>& shape, const RunExport& run,
                     const ExportSubject& subject) {
  const auto& program = subject.options.program;
  const auto pictures = random_pictures(shape, program.pixels);
  const auto expected = probabilities_of(
      subject.model.forward(network_input(pictures, program)), program);
  const auto found = run(pictures);
  if (found.sizes() != expected.sizes()) {
    throw ExportError("its outputs have another shape");
  }
  return (found - expected).norm().item<double>() /
         std::max(expected.norm().item<double>(), 1.0);
}

/// Every way in which a file can be wrong, in words that say so.
template <typename Check>
void refusing(Check check) {
  const std::string refused = "the export is refused: ";
  try {
    check();
  } catch (const ExportError& error) {
    throw ExportError(refused + error.what());
  } catch (const c10::Error& error) {
    throw ExportError(refused +
                      "it cannot be run: " + error.what_without_backtrace());
  } catch (const std::runtime_error& error) {
    throw ExportError(refused + "it cannot be read: " + error.what());
  }
}

ExportCheck check(const fs::path& path, const ExportSubject& subject) {
  const torch::NoGradGuard no_grad;
  ExportCheck check{.difference = 0,
                    .bound = bound_of(subject.options.program.type),
                    .shapes = shapes_to_try(subject)};
  refusing([&] {
    const RunExport run = info_of(subject.options.format).open(path, subject);
    for (const auto& shape : check.shapes) {
      const double difference = difference_on(shape, run, subject);
      // Written so that a NaN is refused too.
      if (!(difference <= check.bound)) {
        throw ExportError("its outputs differ from the network's by " +
                          c10::str(difference) + ", allowed are " +
                          c10::str(check.bound) + ", for pictures of " +
                          c10::str(at::IntArrayRef(shape)));
      }
      check.difference = std::max(check.difference, difference);
    }
  });
  return check;
}

}  // namespace

ExportCheck check_export(const fs::path& path, const Exportable& network,
                         const ExportOptions& options) {
  const auto model = build_network(network.model, network.weights);
  return check(path, {*model, network, options});
}

ExportCheck export_network(const fs::path& path, const Exportable& network,
                           const ExportOptions& options) {
  const auto model = build_network(network.model, network.weights);
  const ExportSubject subject{*model, network, options};
  ExportCheck checked;
  const auto write_and_check = [&](OutputFile& file) {
    info_of(options.format).write(file, subject);
    checked = check(file.readable(), subject);
  };
  if (is_replaced_whole(path)) {
    write_output(path, write_and_check);
    return checked;
  }
  // What goes into a pipe cannot be read again: it is checked before.
  write_output(path, [&](OutputFile& pipe) {
    const TemporaryFile file;
    write_whole(file.path(), write_and_check);
    const auto bytes = read_file(file.path());
    pipe.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  return checked;
}

}  // namespace skipzoo

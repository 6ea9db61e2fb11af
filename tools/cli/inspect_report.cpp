#include "tools/cli/inspect_report.h"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/printable.h"
#include "tools/weights/remarks.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

ordered_json tensors_json(const NamedTensors& all) {
  ordered_json tensors = ordered_json::array();
  for (const auto& [name, tensor] : all) {
    tensors.push_back({{"name", name},
                       {"shape", tensor.sizes().vec()},
                       {"type", c10::toString(tensor.scalar_type())},
                       {"bytes", tensor.nbytes()}});
  }
  return tensors;
}

/// null where the file says nothing of its use.
ordered_json metadata_json(const Inspection& inspection) {
  if (!inspection.metadata) return nullptr;
  const auto& metadata = *inspection.metadata;
  ordered_json words = {{"classes", metadata.classes},
                        {"mean", metadata.mean},
                        {"std", metadata.std},
                        {"input_shape", metadata.input_shape}};
  if (!metadata.thresholds.empty()) words["thresholds"] = metadata.thresholds;
  return words;
}

ordered_json program_json(const Inspection& inspection) {
  if (!inspection.program) return nullptr;
  const auto& program = *inspection.program;
  return {{"normalize", program.normalize},
          {"softmax", program.softmax},
          {"sigmoid", program.sigmoid},
          {"any_size", program.any_size},
          {"type", program.type}};
}

std::string joined(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += (text.empty() ? "" : ", ") + c10::str(value);
  }
  return text.empty() ? "none" : text;
}

void print_identity(const ModelMetadata& metadata) {
  constexpr size_t kMost = 10;
  std::cout << "classes: " << metadata.classes.size() << " (";
  for (size_t i = 0; i < std::min(metadata.classes.size(), kMost); ++i) {
    std::cout << (i > 0 ? ", " : "") << printable(metadata.classes[i]);
  }
  std::cout << (metadata.classes.size() > kMost ? ", …)" : ")")
            << "\npictures: " << at::IntArrayRef(metadata.input_shape)
            << ", mean " << joined(metadata.mean) << ", std "
            << joined(metadata.std) << '\n';
  if (metadata.thresholds.empty()) return;
  std::cout << "several labels a picture, each from a probability on: "
            << joined(metadata.thresholds) << '\n';
}

void print_program(const ProgramFacts& program) {
  const auto& pixels = program.normalize;
  std::cout << "program: takes pictures "
            << (pixels == "uint8"
                    ? "of bytes, 0..255; mean and std are baked in"
                : pixels == "float" ? "of 0..1; mean and std are baked in"
                                    : "normalised by mean and std")
            << (program.any_size ? ", of any size" : ", of that size alone")
            << "; gives "
            << (program.softmax   ? "probabilities"
                : program.sigmoid ? "probabilities, each by itself"
                                  : "logits")
            << "; computes in " << printable(program.type) << '\n';
}

/// null where it is none of torchvision's.
ordered_json published_json(const Inspection& inspection) {
  if (inspection.published == nullptr) return nullptr;
  return inspection.published->name();
}

void print_published(const PublishedWeights& weights) {
  std::ostringstream text;
  text << "torchvision's " << weights.name() << ": " << std::fixed
       << std::setprecision(3) << weights.top1 << " % top-1, " << weights.top5
       << " % top-5 on ImageNet\n";
  std::cout << text.str();
}

void print_hash(const Inspection& inspection) {
  std::cout << "sha256 " << inspection.sha256;
  if (!inspection.named_digits.empty()) {
    std::cout << (inspection.is_as_named()
                      ? ", as its name says"
                      : ", but its name says " + inspection.named_digits +
                            ": another file, or a damaged one");
  }
  std::cout << '\n';
}

void print_fits(const Inspection& inspection) {
  if (inspection.fits.empty()) {
    std::cout << (inspection.configs.empty()
                      ? "no configs were found to try; name some by --configs\n"
                      : "fits no config in " + inspection.configs.string() +
                            "\n");
  }
  for (const auto& [config, but] : inspection.fits) {
    std::cout << "fits " << config << (but.empty() ? "" : ", but for " + but)
              << '\n';
  }
}

}  // namespace

void print_json(const Inspection& inspection) {
  const auto& file = inspection.file;
  ordered_json fits = ordered_json::array();
  for (const auto& fitting : inspection.fits) {
    fits.push_back({{"config", fitting.config}, {"but", fitting.but}});
  }
  ordered_json left_out = ordered_json::array();
  for (const auto& one : file.left_out) {
    left_out.push_back({{"name", one.name}, {"why", one.why}});
  }
  ordered_json as_named;  // null where the name says nothing.
  if (!inspection.named_digits.empty()) as_named = inspection.is_as_named();
  std::cout << ordered_json{{"kind", inspection.kind},
                            {"wrapper", file.wrapper},
                            {"sha256", inspection.sha256},
                            {"sha256_is_as_named", as_named},
                            {"published", published_json(inspection)},
                            {"identity", metadata_json(inspection)},
                            {"program", program_json(inspection)},
                            {"never_trained", inspection.never_trained},
                            {"fits", fits},
                            {"left_out", left_out},
                            {"tensors", tensors_json(file.tensors)}}
                   .dump(2, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
}

void print_text(const Inspection& inspection) {
  const auto& file = inspection.file;
  size_t bytes = 0;
  for (const auto& entry : file.tensors) bytes += entry.second.nbytes();
  std::cout << inspection.kind
            << (file.wrapper.empty()
                    ? ""
                    : ", weights under " + printable(file.wrapper))
            << ", " << file.tensors.size() << " tensors, " << bytes
            << " bytes\n";
  print_hash(inspection);
  if (inspection.published != nullptr) print_published(*inspection.published);
  if (inspection.metadata) print_identity(*inspection.metadata);
  if (inspection.program) print_program(*inspection.program);
  if (!file.left_out.empty()) std::cout << text_of(file.left_out) << '\n';
  if (inspection.never_trained) std::cout << kNeverTrained << '\n';
  print_fits(inspection);
  std::cout << '\n';
  for (const auto& [name, tensor] : file.tensors) {
    std::cout << std::left << std::setw(48) << printable(name) << std::setw(10)
              << c10::toString(tensor.scalar_type()) << tensor.sizes() << '\n';
  }
}

}  // namespace skipzoo

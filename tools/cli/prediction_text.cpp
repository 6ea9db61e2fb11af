#include "tools/cli/prediction_text.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

#include "tools/data/table.h"
#include "tools/printable.h"

namespace skipzoo {

namespace {

/// What is said of one picture.
struct Answer {
  const std::string& picture;
  const Predictions& predictions;
  const std::string& explanation;
};

void print_predictions_json(std::ostream& out, const PredictionLayout& layout,
                            const Answer& answer) {
  using nlohmann::ordered_json;
  ordered_json list = ordered_json::array();
  for (const auto& one : answer.predictions) {
    list.push_back({{"class", one.name},
                    {"index", one.index},
                    {"probability", one.probability}});
    if (!layout.finds_several) continue;
    list.back()["threshold"] = one.threshold;
    list.back()["selected"] = one.selected;
  }
  ordered_json json = {{"image", answer.picture}, {"predictions", list}};
  if (layout.explains) json["explanation"] = answer.explanation;
  out << json.dump(-1, ' ', false, ordered_json::error_handler_t::replace)
      << '\n';
}

void print_predictions_csv(std::ostream& out, const PredictionLayout& layout,
                           const Answer& answer) {
  for (size_t rank = 0; rank < answer.predictions.size(); ++rank) {
    const auto& one = answer.predictions[rank];
    out << csv_field(answer.picture) << ',' << rank + 1 << ','
        << csv_field(one.name) << ',' << one.index << ','
        << std::setprecision(6) << one.probability;
    if (layout.finds_several) {
      out << ',' << one.threshold << ',' << one.selected;
    }
    // It is that of the likeliest class.
    if (layout.explains) {
      out << ',' << (rank == 0 ? csv_field(answer.explanation) : "");
    }
    out << '\n';
  }
}

void print_predictions_text(std::ostream& out, const std::string& picture,
                            const Predictions& predictions, bool several) {
  out << picture << '\n';
  for (const auto& one : predictions) {
    if (several && !one.selected) continue;
    out << std::fixed << std::setprecision(2) << std::setw(8)
        << 100 * one.probability << " %  " << printable(one.name) << '\n';
  }
  if (several && std::ranges::none_of(predictions, &Prediction::selected)) {
    out << "      none of the labels\n";
  }
}

}  // namespace

void print_header(std::ostream& out, const PredictionLayout& layout) {
  if (layout.format != PredictionFormat::kCsv) return;
  out << "image,rank,class,index,probability"
      << (layout.finds_several ? ",threshold,selected" : "")
      << (layout.explains ? ",explanation\n" : "\n");
}

void print(std::ostream& out, const PredictionLayout& layout,
           const std::string& picture, const Predictions& predictions,
           const std::string& explanation) {
  const Answer answer = {picture, predictions, explanation};
  switch (layout.format) {
    case PredictionFormat::kJson:
      return print_predictions_json(out, layout, answer);
    case PredictionFormat::kCsv:
      return print_predictions_csv(out, layout, answer);
    case PredictionFormat::kText:
      return print_predictions_text(out, picture, predictions,
                                    layout.finds_several);
  }
}

}  // namespace skipzoo

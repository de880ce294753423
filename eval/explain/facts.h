// The facts that a figure of a report depends on, as text that can be compared.
#pragma once

#include <string>
#include <vector>

#include "eval/report.h"

namespace quantbench {

/// Which figures another value of a fact changes.
enum class Affects {
  everything,   // the model itself, the program
  predictions,  // perplexity and KL divergence of every cell
  calibration,  // what is measured on, or learned from, the calibration text
  importance,   // cells whose encoders weight by an importance matrix
  last_digits,  // order of sums, elementary functions
  timings,
  identity,  // what cells are called in the store
};

/// What a fact is about.
enum class Topic {
  data,         // the bytes that went in: model, texts, tokenizer, importance matrix
  protocol,     // how they were cut, scored and measured
  config,       // what else the config says
  environment,  // program, compiler and machine
};

struct Fact {
  std::string name;
  std::string value;  // what decides whether two are equal; empty: the report does not say
  std::string shown;  // for people
  Affects affects;
  Topic topic = Topic::data;
};

/// Those that most often make two tools disagree come first. Facts of a calibration text only where there is one.
std::vector<Fact> facts_of(const Report& report);

struct FactPair {
  Fact first, second;
};

/// What two lists of facts do not agree on, in the order of the first; a fact that only one list has is left out.
struct FactComparison {
  std::vector<FactPair> different;
  std::vector<std::string> not_recorded;  // names of facts that one of the two does not say
};
FactComparison compare_facts(const std::vector<Fact>& first, const std::vector<Fact>& second);

/// Of these figures ("perplexity", "kld", "rmse", "weighted_rmse", "seconds", "kernels", "id") of these cells (method ids).
struct AffectedFigures {
  std::vector<std::string> figures;
  std::vector<std::string> methods;
};
AffectedFigures affected_figures(Affects affects, const Report& report);

/// Whether the cell's weights depend on the calibration text, or on the importance matrix.
bool depends_on_calibration(const CellReport& cell, const Report& report);
bool depends_on_importance_matrix(const CellReport& cell, const Report& report);

/// The name of what the cell's weights were fitted to beside the weights themselves; "nothing".
std::string learned_from(const CellReport& cell, const Report& report);

/// How many tensors of the cell have another format than its method names.
std::size_t substituted_tensors(const CellReport& cell);

}  // namespace quantbench

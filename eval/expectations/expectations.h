// What a run is expected to find: figures that others have published, and orderings that must hold.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

/// How far a measured figure may lie from the published one.
struct Tolerance {
  double amount = 0.01;
  bool relative = true;  // amount is a fraction of the published figure; else in its units

  /// In units of the figure.
  double around(double published) const;
};

/// One number of a table in a paper, with all that must be equal for a measured one to be beside it.
struct PublishedFigure {
  std::string method;  // canonical id: the cell that it is compared with
  std::string metric;  // a name of cell_figures()
  std::string model;   // as the table calls it; empty: whichever model the run has
  double value = 0;
  Tolerance tolerance;
  std::string source;       // "GPTQ arXiv:2210.17323v2 Table 3"
  std::string dataset;      // loader or name of the text; empty: whichever the run has
  std::string protocol;     // empty: the run's
  std::size_t windows = 0;  // that were evaluated, from the start of the text; 0: all
  /// Why this program has no such number; then method and metric are what the table calls them. Empty: it has.
  std::string unmeasurable;
};

/// `better` has the lower figure on the same text.
struct ExpectedOrdering {
  std::string better, worse;  // canonical ids
  std::string metric;         // "perplexity" or "kld.mean": those that are known token by token
  std::string source;
};

struct Expectations {
  std::vector<PublishedFigure> figures;
  std::vector<ExpectedOrdering> orderings;
  bool strict = false;  // a figure outside of its tolerance and an ordering that fails make the run's answer "no"

  bool empty() const { return figures.empty() && orderings.empty(); }
};

/// Whether a model called `name` (a file's or folder's name) is the one that a table calls `published`: equal but for
/// case, '_' for '-', and endings of `name` that only say how it is stored (".gguf", "-hf", "-f16" and the like).
bool names_model(std::string_view published, std::string_view name);

}  // namespace quantbench

// Options that several commands share, declared alike.
#pragma once

#include <string>

#include "core/parallel.h"
#include "eval/command_line/parser.h"

namespace quantbench {

/// The model as first argument or as --model.
inline void add_model_option(CommandOptions& options, std::string& model) {
  options
      .add("--model,MODEL", model,
           "GGUF file, safetensors file or directory, or an embedded model (quantbench list models)")
      .required();
}

inline void add_text_option(CommandOptions& options, std::string& text) {
  options
      .add("--text", text,
           "text: a path with or without a loader (quantbench list loaders), or an embedded one (quantbench list "
           "datasets)")
      .required();
}

inline void add_threads_option(CommandOptions& options, int& threads) {
  threads = hardware_threads();
  options.add("--threads", threads, "threads (default: all); results do not depend on it").in_range(1, 1024);
}

}  // namespace quantbench

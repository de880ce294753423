// Options that several commands share, declared alike.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "core/parallel.h"

namespace quantbench {

/// The model as first argument or as --model.
inline void add_model_option(CLI::App& app, std::string& model) {
  app.add_option("--model,MODEL", model,
                 "GGUF file, safetensors file or directory, or an embedded model (quantbench list models)")
      ->required();
}

inline void add_threads_option(CLI::App& app, int& threads) {
  threads = hardware_threads();
  app.add_option("--threads", threads, "threads (default: all); results do not depend on it")
      ->check(CLI::Range(1, 1024));
}

}  // namespace quantbench

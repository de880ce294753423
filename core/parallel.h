// Parallel loops whose result never depends on the thread count.
//
// Each index is computed by exactly one thread and writes only what belongs to it, so the result is the same for any
// number of threads and any schedule. Reductions are never done across threads: write one partial result per index and
// add them up in index order afterwards.
#pragma once

#include <cstddef>
#include <exception>
#include <mutex>

namespace quantbench {

/// Runs body(index) for every index in [0, count) on up to `threads` threads (>= 1). The first exception (by index
/// order of completion) is rethrown after all threads have stopped; indices not yet started are then skipped.
template <class Body>
void parallel_for(int threads, std::size_t count, const Body& body) {
  if (threads <= 1 || count <= 1) {
    for (std::size_t index = 0; index < count; ++index) body(index);
    return;
  }
  std::exception_ptr failure;
  std::mutex failure_mutex;
  bool failed = false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (std::size_t index = 0; index < count; ++index) {
    bool skip;
#pragma omp atomic read
    skip = failed;
    if (skip) continue;
    try {
      body(index);
    } catch (...) {
      const std::scoped_lock lock(failure_mutex);
      if (!failure) failure = std::current_exception();
#pragma omp atomic write
      failed = true;
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// The threads this machine can run at once (>= 1).
int hardware_threads();

}  // namespace quantbench

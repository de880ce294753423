#include "kernels/peaks.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/checked.h"
#include "core/large_pages.h"
#include "core/parallel.h"
#include "kernels/cpu/bf16_product.h"
#include "kernels/cpu/fetch_ahead.h"
#include "kernels/cpu/int8_chains.h"
#include "kernels/cpu/isa_kernels.h"

namespace quantbench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Eight independent sums of 64-bit words, a cache line at a time: enough for the memory, and not the arithmetic, to be the limit. Lines
/// are asked for as in the products, which is a tenth faster than not to ask.
std::uint64_t sum_words(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sums[8] = {};
  for (std::size_t i = 0; i + 8 <= count; i += 8) {
    fetch_ahead<8 * sizeof *words>(words + i);
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += words[i + lane];
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t lane : sums) sum += lane;
  return sum;
}

/// Work per second of the fastest of `runs` runs. work(run, thread) returns how much it did; all threads start
/// together.
template <class Work>
double best_rate(int threads, std::size_t runs, const Work& work) {
  double best = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    std::vector<double> done(static_cast<std::size_t>(threads));
    const auto start = Clock::now();
    parallel_for(threads, done.size(), [&](std::size_t thread) { done[thread] = work(run, thread); });
    const double seconds = seconds_since(start);
    double total = 0;
    for (const double part : done) total += part;
    best = std::max(best, total / seconds);
  }
  return best;
}

void keep(auto value) {
  const volatile auto kept = value;
  static_cast<void>(kept);
}

/// Runs walk through the buffers part by part: each is short, to find a moment in which nothing else runs, and comes
/// back to a part only after all others.
double measure_read_bandwidth(int threads, std::size_t buffer_bytes) {
  constexpr std::size_t parts = 32, passes = 2;
  const auto thread_count = static_cast<std::size_t>(threads);
  const std::size_t part_words = std::max<std::size_t>(8, buffer_bytes / sizeof(std::uint64_t) / thread_count / parts);
  std::vector<LargePages<std::uint64_t>> buffers(thread_count);
  parallel_for(threads, thread_count,
               [&](std::size_t thread) { buffers[thread].assign(parts * part_words, thread + 1); });
  return best_rate(threads, passes * parts, [&](std::size_t run, std::size_t thread) {
    keep(sum_words(buffers[thread].data() + run % parts * part_words, part_words));
    return static_cast<double>(part_words * sizeof(std::uint64_t));
  });
}

/// chains(rounds, &result) runs and returns how many operations that was.
template <class Result, class Chains>
double measure_chains(int threads, const Chains& chains) {
  constexpr std::size_t rounds = 100'000, runs = 30;
  return best_rate(threads, runs, [&](std::size_t, std::size_t) {
    Result result = 0;
    const std::size_t operations = chains(rounds, &result);
    keep(result);
    return static_cast<double>(operations);
  });
}

}  // namespace

std::size_t last_level_cache_bytes() {
  long largest = 0;
#if defined(_SC_LEVEL4_CACHE_SIZE)
  for (const int level : {_SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE, _SC_LEVEL4_CACHE_SIZE})
    largest = std::max(largest, sysconf(level));
#endif
  return static_cast<std::size_t>(largest);
}

std::size_t default_rotation_bytes() {
  constexpr std::size_t mebibyte = std::size_t{1} << 20;
  const std::size_t cache = last_level_cache_bytes();
  return cache == 0 ? 256 * mebibyte : std::min(2 * cache, 1024 * mebibyte);
}

double read_seconds(std::span<const std::byte> bytes, int threads) {
  constexpr std::size_t pieces_of_thread = 4;  // as the products take their rows
  const std::size_t pieces = pieces_of_thread * static_cast<std::size_t>(std::max(threads, 1));
  const auto* const words = reinterpret_cast<const std::uint64_t*>(bytes.data());
  const std::size_t all = bytes.size() / sizeof *words, piece = divide_up(all, pieces);
  const auto start = Clock::now();
  parallel_for(threads, pieces, [&](std::size_t index) {
    const std::size_t first = std::min(all, index * piece);
    keep(sum_words(words + first, std::min(piece, all - first)));
  });
  return seconds_since(start);
}

Peaks measure_peaks(int threads, std::size_t read_buffer_bytes) {
  return {threads,
          measure_read_bandwidth(threads, read_buffer_bytes),
          measure_chains<float>(threads, isa_kernels(best_isa()).fma_chains),
          measure_chains<std::int32_t>(threads, int8_chains(best_isa())),
          measure_chains<float>(threads, bf16_chains(best_isa())),
          read_buffer_bytes};
}

}  // namespace quantbench

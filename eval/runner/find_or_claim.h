// Results that several processes need and one makes.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "eval/runner/claims.h"
#include "eval/runner/runner.h"

namespace quantbench {

/// Between two looks at what another process does: 10 ms at first, then twice as long each time, up to a second.
class Pause {
 public:
  void wait() {
    std::this_thread::sleep_for(next_);
    next_ = std::min(2 * next_, std::chrono::milliseconds(1000));
  }

 private:
  std::chrono::milliseconds next_{10};
};

/// Either a result that is there, or the right to make it.
template <class Result>
struct FoundOrClaimed {
  std::optional<Result> found;
  std::optional<Claim> claim;
};

/// Waits while another process makes `name`. `find` gives an optional result.
template <class Find>
auto find_or_claim(Claims& claims, const std::string& name, const std::string& what, const RunEvents& events,
                   const Find& find) {
  using Result = typename std::invoke_result_t<Find>::value_type;
  bool told = false;
  for (Pause pause;; pause.wait()) {
    if (auto found = find()) return FoundOrClaimed<Result>{std::move(found), std::nullopt};
    if (auto claim = claims.try_claim(name, what)) return FoundOrClaimed<Result>{find(), std::move(claim)};
    if (const auto other = claims.held_by(name); other && !std::exchange(told, true) && events.notice)
      events.notice(fmt::format("waiting for {}: {} makes it", what, to_string(other->holder)));
  }
}

}  // namespace quantbench

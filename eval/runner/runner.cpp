#include "eval/runner/runner.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <set>

#include "eval/runner/find_or_claim.h"
#include "eval/runner/metric.h"
#include "eval/runner/shards.h"
#include "eval/runner/shared_work.h"
#include "eval/runner/throughput.h"
#include "models/packed_checkpoints/unpack_checkpoint.h"

namespace quantbench {
namespace {

StoredPlan plan_to_store(const Plan& plan, const Report& header, const std::vector<ThroughputRequest>& throughput) {
  StoredPlan stored{.header = header};
  for (const PlannedCell& cell : plan.cells) {
    stored.ids.push_back(cell.id);
    stored.cells.push_back({cell.id, cell.method_id, assumed_seconds(cell)});
  }
  for (const ThroughputRequest& request : throughput) stored.ids.push_back(request.id);
  return stored;
}

class Runner {
 public:
  Runner(const Config& config, const Experiment& experiment, const Plan& plan, const RunOptions& options)
      : config_(config),
        experiment_(experiment),
        plan_(plan),
        options_(options),
        store_(options.folder),
        shards_(assign_shards(plan, options.shard.count)),
        header_(report_header(config, experiment, options.threads)),
        throughput_(throughput_requests(config, options.events)) {
    if (options.claims == nullptr) own_claims_.emplace(options.folder);
  }

  RunResult run() {
    write_plan();
    claims().tidy(store_.result_folders());
    cells_.resize(plan_.cells.size());
    if (options_.fresh) forget();
    std::deque<std::size_t> waiting = load_finished();
    announce(waiting);
    if (!waiting.empty() || options_.shared_alone) {
      shared_ = make_shared_results(config_, experiment_, store_, claims(), options_);
      finish_base();
      if (options_.shared_alone) return std::move(result_);
      for (Pause pause; !waiting.empty();)
        if (run_next(waiting))
          pause = {};
        else
          pause.wait();
    }
    return collect();
  }

 private:
  Claims& claims() { return options_.claims != nullptr ? *options_.claims : *own_claims_; }
  bool is_mine(std::size_t index) const { return shards_[index] == options_.shard.number; }

  void notice(const std::string& text) const {
    if (options_.events.notice) options_.events.notice(text);
  }

  void announce(const std::deque<std::size_t>& waiting) const {
    double seconds = 0;
    for (const std::size_t index : waiting) seconds += plan_.cells[index].seconds.total();
    if (options_.events.start) options_.events.start(waiting.size(), seconds);
  }

  void write_plan() const { store_.write_plan(plan_to_store(plan_, header_, throughput_)); }

  void forget() const {
    for (std::size_t i = 0; i < plan_.cells.size(); ++i)
      if (is_mine(i)) store_.remove(plan_.cells[i].id);
  }

  // A stored cell that is not believed is announced and computed again; a failed one is tried again.
  bool load(std::size_t index) {
    const StoredCell stored = store_.find(plan_.cells[index].id);
    if (!stored.problem.empty() && announced_.insert(index).second)
      notice(fmt::format("{} is computed again: {}", plan_.cells[index].method_id, stored.problem));
    const CellReport* finished = stored.finished();
    if (finished == nullptr) return false;
    cells_[index] = *finished;
    keep_commit(*cells_[index], stored.report->environment, header_.environment);
    return true;
  }

  std::deque<std::size_t> load_finished() {
    std::deque<std::size_t> waiting;
    for (std::size_t i = 0; i < plan_.cells.size(); ++i) {
      if (!is_mine(i)) continue;
      if (load(i))
        ++result_.reused;
      else
        waiting.push_back(i);
    }
    return waiting;
  }

  // The f32 cell comes before all others, in every shard: they are paired with it.
  void finish_base() {
    const auto base = std::ranges::find(plan_.cells, "f32", &PlannedCell::method_id);
    if (base == plan_.cells.end()) return;
    const auto index = static_cast<std::size_t>(base - plan_.cells.begin());
    if (!cells_[index]) {
      const auto result = find_or_claim(claims(), base->id, base->method_id, options_.events,
                                        [&] { return load(index) ? std::optional(true) : std::nullopt; });
      if (!result.found) compute(index, *result.claim);
    }
    if (cells_[index]->status != "ok")
      shared_.base_failure = cells_[index]->error;
    else if (cells_[index]->perplexity)
      shared_.base_nll = store_.read_nll(*cells_[index]);
  }

  // Runs the next cell that no other process works on; false when there is none.
  bool run_next(std::deque<std::size_t>& waiting) {
    for (auto it = waiting.begin(); it != waiting.end(); ++it) {
      const PlannedCell& cell = plan_.cells[*it];
      if (const auto claim = claims().try_claim(cell.id, cell.method_id)) {
        const std::size_t index = *it;
        waiting.erase(it);
        if (!cells_[index] && !load(index)) compute(index, *claim);
        return true;
      }
    }
    tell_of_waiting(plan_.cells[waiting.front()]);
    return false;
  }

  void tell_of_waiting(const PlannedCell& cell) {
    const auto other = claims().held_by(cell.id);
    if (other && !std::exchange(told_of_waiting_, true))
      notice(fmt::format("waiting for cells of other processes: {} works on {}", to_string(other->holder),
                         cell.method_id));
  }

  void compute(std::size_t index, const Claim& claim) {
    const PlannedCell& planned = plan_.cells[index];
    if (options_.events.begin) options_.events.begin(planned.method_id, planned.seconds.total());
    Report report = header_;
    TokenFigures tokens;
    report.cells = {measure(planned, tokens)};
    // Another process that took this one for dead may have finished: what is stored stays.
    if (!claim.lost() || !load(index)) {
      const auto saving = claims().while_saving();
      store_.save(planned.id, report, tokens);
      cells_[index] = report.cells[0];
    }
    if (is_mine(index)) ++result_.computed;
    if (options_.events.end) options_.events.end();
  }

  CellReport measure(const PlannedCell& planned, TokenFigures& tokens) const {
    const auto start = std::chrono::steady_clock::now();
    CellReport cell;
    try {
      cell = measure_metrics(planned, tokens);
      Report alone;
      alone.cells = {cell};
      (void)to_json(alone);  // a figure that is not finite is this cell's failure, not the run's
    } catch (const std::exception& error) {
      cell = {};
      cell.status = "failed";
      cell.error = error.what();
      tokens = {};
      notice(fmt::format("{} failed: {}", planned.method_id, error.what()));
    }
    cell.id = planned.id;
    cell.method = planned.method_id;
    cell.bits_per_weight = planned.bits_per_weight;
    cell.size_bytes = planned.size_bytes;
    cell.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return cell;
  }

  CellReport measure_metrics(const PlannedCell& planned, TokenFigures& tokens) const {
    CellContext context(experiment_, shared_, planned, options_.threads, options_.events.progress);
    CellReport cell;
    cell.status = "ok";
    for (const std::string& name : config_.metrics) {
      const Metric& metric = Registry<Metric>::instance().at(name);
      if (metric.measure) metric.measure(context, cell);
    }
    tokens = context.tokens();
    cell.importance = context.importance();
    cell.notes = context.notes();
    std::ranges::move(packing_notes(experiment_.model->checkpoint->metadata()), std::back_inserter(cell.notes));
    return cell;
  }

  RunResult collect() {
    result_.report = header_;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (!is_mine(i)) continue;
      if (cells_[i]->status != "ok") ++result_.failed;
      result_.report.cells.push_back(*cells_[i]);
    }
    if (options_.shard.number == 1) result_.report.kernels = run_throughput(throughput_, header_, store_, options_);
    return std::move(result_);
  }

  const Config& config_;
  const Experiment& experiment_;
  const Plan& plan_;
  const RunOptions& options_;
  ResultStore store_;
  std::optional<Claims> own_claims_;
  std::vector<std::size_t> shards_;  // by plan index
  Report header_;
  std::vector<ThroughputRequest> throughput_;
  SharedResults shared_;
  std::vector<std::optional<CellReport>> cells_;  // by plan index; empty: not finished
  std::set<std::size_t> announced_;               // cells whose stored file was not believed
  bool told_of_waiting_ = false;
  RunResult result_;
};

}  // namespace

RunResult run_plan(const Config& config, const Experiment& experiment, const Plan& plan, const RunOptions& options) {
  return Runner(config, experiment, plan, options).run();
}

StoredPlan stored_plan(const Config& config, const Experiment& experiment, const Plan& plan, int threads) {
  return plan_to_store(plan, report_header(config, experiment, threads), throughput_requests(config, {}));
}

}  // namespace quantbench

#include "eval/runner/runner.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <set>

#include "eval/runner/metric.h"
#include "eval/runner/shared_work.h"
#include "eval/runner/throughput.h"
#include "models/packed_checkpoints/unpack_checkpoint.h"

namespace quantbench {
namespace {

class Runner {
 public:
  Runner(const Config& config, const Experiment& experiment, const Plan& plan, const RunOptions& options)
      : config_(config),
        experiment_(experiment),
        plan_(plan),
        options_(options),
        store_(options.folder),
        header_(report_header(config, experiment, options.threads)),
        throughput_(throughput_requests(config, options.events)) {}

  RunResult run() {
    write_plan();
    cells_.resize(plan_.cells.size());
    if (options_.fresh) forget();
    std::deque<std::size_t> waiting = load_finished();
    announce(waiting);
    if (!waiting.empty()) {
      shared_ = make_shared_results(config_, experiment_, store_, options_);
      finish_base();
      while (!waiting.empty()) run_next(waiting);
    }
    return collect();
  }

 private:
  void notice(const std::string& text) const {
    if (options_.events.notice) options_.events.notice(text);
  }

  void announce(const std::deque<std::size_t>& waiting) const {
    double seconds = 0;
    for (const std::size_t index : waiting) seconds += plan_.cells[index].seconds.total();
    if (options_.events.start) options_.events.start(waiting.size(), seconds);
  }

  void write_plan() const {
    std::vector<std::string> ids;
    for (const PlannedCell& cell : plan_.cells) ids.push_back(cell.id);
    for (const ThroughputRequest& request : throughput_) ids.push_back(request.id);
    store_.write_plan(ids);
  }

  void forget() const {
    for (std::size_t i = 0; i < plan_.cells.size(); ++i)
      if (options_.shard.contains(i)) store_.remove(plan_.cells[i].id);
  }

  // A stored cell that is not believed is announced and computed again; a failed one is tried again.
  bool load(std::size_t index) {
    const StoredCell stored = store_.find(plan_.cells[index].id);
    if (!stored.problem.empty() && announced_.insert(index).second)
      notice(fmt::format("{} is computed again: {}", plan_.cells[index].method_id, stored.problem));
    if (!stored.report || stored.report->cells.empty() || stored.report->cells[0].status != "ok") return false;
    cells_[index] = stored.report->cells[0];
    keep_commit(*cells_[index], stored.report->environment, header_.environment);
    return true;
  }

  std::deque<std::size_t> load_finished() {
    std::deque<std::size_t> waiting;
    for (std::size_t i = 0; i < plan_.cells.size(); ++i) {
      if (!options_.shard.contains(i)) continue;
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
      const FileLock lock = FileLock::wait(store_.lock_file(base->id));
      if (!load(index)) compute(index);
    }
    if (cells_[index]->status != "ok")
      shared_.base_failure = cells_[index]->error;
    else if (cells_[index]->perplexity)
      shared_.base_nll = store_.read_nll(*cells_[index]);
  }

  // The next cell that no other process is computing; when all are, the first of them after it is released.
  void run_next(std::deque<std::size_t>& waiting) {
    for (auto it = waiting.begin(); it != waiting.end(); ++it) {
      if (const auto lock = FileLock::try_lock(store_.lock_file(plan_.cells[*it].id))) {
        const std::size_t index = *it;
        waiting.erase(it);
        if (!cells_[index] && !load(index)) compute(index);
        return;
      }
    }
    (void)FileLock::wait(store_.lock_file(plan_.cells[waiting.front()].id));
  }

  void compute(std::size_t index) {
    const PlannedCell& planned = plan_.cells[index];
    remove_unfinished(store_.cell_file(planned.id));
    remove_unfinished(store_.nll_file(planned.id));
    remove_unfinished(store_.kld_file(planned.id));
    if (options_.events.begin) options_.events.begin(planned.method_id, planned.seconds.total());
    Report report = header_;
    TokenFigures tokens;
    report.cells = {measure(planned, tokens)};
    store_.save(planned.id, report, tokens);
    cells_[index] = report.cells[0];
    if (options_.shard.contains(index)) ++result_.computed;
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
      if (!options_.shard.contains(i)) continue;
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
  Report header_;
  std::vector<ThroughputRequest> throughput_;
  SharedResults shared_;
  std::vector<std::optional<CellReport>> cells_;  // by plan index; empty: not finished
  std::set<std::size_t> announced_;               // cells whose stored file was not believed
  RunResult result_;
};

}  // namespace

RunResult run_plan(const Config& config, const Experiment& experiment, const Plan& plan, const RunOptions& options) {
  return Runner(config, experiment, plan, options).run();
}

}  // namespace quantbench

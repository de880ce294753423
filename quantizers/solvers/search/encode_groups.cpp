// Formats with a scale, and possibly an offset or a zero point, per group.
#include <algorithm>
#include <optional>

#include "quantizers/formats/nearest_level.h"
#include "quantizers/solvers/search/encoders.h"
#include "quantizers/solvers/search/format_task.h"
#include "quantizers/solvers/search/lane_groups.h"

namespace quantbench::search {
namespace {

using FitGroups = void (*)(const LaneGroups&, const GroupTask&, GroupResult&);

FitGroups fit_of(const Format& format, const GroupKernels& kernels) {
  if (!format.has_offset) return kernels.symmetric;
  return format.gguf_type ? kernels.affine : kernels.zero_point;
}

/// Rows of few long groups: the lanes try candidates of one group at a time. Not where levels stand for numbers: it would double the
/// code of their kernels for what are few formats.
bool one_at_a_time(const Format& format, std::size_t cols, std::size_t group) {
  return !format.gguf_type && format.float_levels.empty() &&
         (group > 512 || cols / group < static_cast<std::size_t>(lanes) / 2);
}

class RowFit {
 public:
  RowFit(const Format& format, const SearchRow& row, const GroupKernels& kernels)
      : format_(format),
        row_(row),
        group_(format.group == 0 ? row.weights.size() : std::min(format.group, row.weights.size())),
        number_unit_(number_unit(format)),
        affines_(format.groups_of_row(row.weights.size())),
        levels_(row.weights.size()),
        lane_levels_(group_ * lanes),
        kernels_(kernels),
        builder_(kernels) {
    result_.levels = lane_levels_.data();
    if (!format.float_levels.empty()) nearest_.emplace(format);
  }

  void fit() {
    const FitGroups fit_groups = fit_of(format_, kernels_);
    const bool centered = fit_groups == kernels_.affine;
    const GroupTask task = group_task(format_, row_.effort);
    const bool single = one_at_a_time(format_, row_.weights.size(), group_);
    const std::size_t step = single ? 1 : lanes;
    for (std::size_t first = 0; first < affines_.size(); first += step) {
      const std::size_t count = std::min(step, affines_.size() - first);
      fit_groups(single ? repeated(first) : builder_.transpose(row_, {first, count, group_, 1, centered}), task,
                 result_);
      store(first, count, single);
    }
  }

  const std::vector<Affine>& affines() const { return affines_; }
  void pack(MutableRowBytes out) const { format_.pack(format_, affines_, levels_, out); }

 private:
  std::size_t weights_of(std::size_t group) const { return std::min(group_, row_.weights.size() - group * group_); }

  const LaneGroups& repeated(std::size_t group) {
    return builder_.repeat(row_.weights.subspan(group * group_, weights_of(group)),
                           row_.importance.subspan(group * group_, weights_of(group)));
  }

  void store(std::size_t first, std::size_t count, bool single) {
    for (std::size_t lane = 0; lane < count; ++lane) {
      const std::size_t group = first + lane;
      affines_[group] = format_.round_affine(format_, {result_.scale[lane] / number_unit_, result_.offset[lane]});
      if (nearest_)
        nearest_->round(row_.weights.subspan(group * group_, weights_of(group)), affines_[group].scale,
                        levels_.data() + group * group_);
      else
        std::copy_n(lane_levels_.data() + (single ? 0 : lane * group_), weights_of(group),
                    levels_.data() + group * group_);
    }
  }

  const Format& format_;
  const SearchRow& row_;
  std::size_t group_;
  float number_unit_;
  std::optional<formats::NearestLevel> nearest_;  // where levels stand for numbers
  std::vector<Affine> affines_;
  std::vector<std::int8_t> levels_, lane_levels_;
  const GroupKernels& kernels_;
  LaneGroupsBuilder builder_;
  GroupResult result_;
};

}  // namespace

bool writes_groups(const Format& format) {
  Levels levels;
  return format.pack != nullptr && format.round_affine != nullptr && !format.scale_per_tensor &&
         find_levels(format, levels);
}

void encode_groups(const Format& format, const SearchRow& row, MutableRowBytes out, Isa isa) {
  RowFit fit(format, row, group_kernels(isa));
  fit.fit();
  fit.pack(out);
}

std::vector<Affine> find_group_affines(const Format& format, const SearchRow& row, Isa isa) {
  RowFit fit(format, row, group_kernels(isa));
  fit.fit();
  return fit.affines();
}

namespace {

const Register<RowEncoder> registered{
    "groups",
    {"one scale (and offset) per group: candidates of the scale, each with its least squares solution", &writes_groups,
     [](const Format& format, const SearchRow& row, MutableRowBytes out) {
       encode_groups(format, row, out, best_isa());
     }}};

}  // namespace
}  // namespace quantbench::search

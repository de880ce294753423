#include "eval/base_logits.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/checked.h"
#include "core/error.h"

namespace quantbench {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is written in memory order");

constexpr std::string_view magic = "QBLOGIT1";
constexpr std::size_t alignment = 64;

struct Header {
  std::array<char, 8> magic;
  std::uint64_t vocabulary;
  std::uint64_t positions;
  std::uint64_t key_bytes;
};

std::size_t padded_key_end(std::uint64_t key_bytes) {
  return checked_align_up(checked_add<std::uint64_t>(sizeof(Header), key_bytes), alignment);
}

}  // namespace

BaseLogits::BaseLogits(const std::filesystem::path& path, std::string_view key) : file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  Header header{};
  if (bytes.size() < sizeof header) fail("{}: base logits file of {} bytes has no header", path.string(), bytes.size());
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.magic.data(), header.magic.size()) != magic)
    fail("{}: not a base logits file: it does not begin with {}", path.string(), magic);
  if (header.key_bytes > bytes.size() - sizeof header)
    fail("{}: the key of {} bytes does not fit the file of {}", path.string(), header.key_bytes, bytes.size());
  const std::string_view found(reinterpret_cast<const char*>(bytes.data()) + sizeof header, header.key_bytes);
  if (found != key) fail("{}: base logits belong to '{}', expected '{}'", path.string(), found, key);

  vocabulary_ = header.vocabulary;
  positions_ = header.positions;
  logits_offset_ = padded_key_end(header.key_bytes);
  const std::size_t logits_bytes = checked_multiply(checked_multiply(vocabulary_, positions_), sizeof(float));
  normalizers_offset_ = checked_align_up(checked_add(logits_offset_, logits_bytes), sizeof(double));
  const std::size_t expected = checked_add(normalizers_offset_, checked_multiply(positions_, sizeof(double)));
  if (bytes.size() != expected)
    fail("{}: base logits file has {} bytes, expected {} for {} positions of {} logits", path.string(), bytes.size(),
         expected, positions_, vocabulary_);
}

LogitsRow BaseLogits::row(std::size_t position) const {
  if (position >= positions_) fail("base logits have {} positions, asked for index {}", positions_, position);
  const std::byte* const begin = file_.bytes().data();
  const auto* const logits = reinterpret_cast<const float*>(begin + logits_offset_);
  const auto* const normalizers = reinterpret_cast<const double*>(begin + normalizers_offset_);
  return {std::span(logits + position * vocabulary_, vocabulary_), normalizers[position]};
}

void BaseLogits::release(std::size_t first_position, std::size_t count) const {
  const std::size_t row_bytes = vocabulary_ * sizeof(float);
  (void)file_.release(file_.bytes().subspan(logits_offset_ + first_position * row_bytes, count * row_bytes));
}

std::optional<BaseLogits> find_base_logits(const std::filesystem::path& path, std::string_view key) {
  if (!std::filesystem::is_regular_file(path)) return std::nullopt;
  try {
    return BaseLogits(path, key);
  } catch (const Error&) {
    return std::nullopt;  // it can be computed again
  }
}

BaseLogitsWriter::BaseLogitsWriter(const std::filesystem::path& path, std::string_view key, std::size_t vocabulary,
                                   std::size_t positions)
    : file_(path), vocabulary_(vocabulary), positions_(positions) {
  Header header{{}, vocabulary, positions, key.size()};
  std::memcpy(header.magic.data(), magic.data(), magic.size());
  file_.write(std::as_bytes(std::span(&header, 1)));
  file_.write(key);
  file_.write(std::string(padded_key_end(key.size()) - sizeof header - key.size(), '\0'));
  normalizers_.reserve(positions);
}

void BaseLogitsWriter::add(LogitsRow row) {
  if (row.logits.size() != vocabulary_)
    fail("base logits of {} tokens cannot hold a row of {}", vocabulary_, row.logits.size());
  file_.write(std::as_bytes(row.logits));
  normalizers_.push_back(row.log_normalizer);
}

void BaseLogitsWriter::commit() {
  if (normalizers_.size() != positions_) fail("base logits of {} positions got {}", positions_, normalizers_.size());
  const std::size_t odd = positions_ * vocabulary_ % 2;
  file_.write(std::string(odd * sizeof(float), '\0'));
  file_.write(std::as_bytes(std::span(normalizers_)));
  file_.commit();
}

}  // namespace quantbench

#include "broker/grouping.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

namespace remuda::broker {

namespace {

constexpr std::size_t group_max_bytes = 128;

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out += digits[static_cast<unsigned char>(byte) >> 4U];
    out += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return out;
}

Failure<Error> missing(std::string_view code, std::string_view what, std::string_view receiver, const Selector& selector,
                       const MessageView& message) {
  return fail(std::string{code}, "message " + std::string{message.id} + " has no " + std::string{what} + " for " +
                                     std::string{receiver} + ", which reads it from '" + selector.text() + "'; nothing was stored");
}

}  // namespace

Result<DeduplicationKey> deduplication_key(const MessageView& message, const Selector& deduplicate_by, std::string_view receiver,
                                           std::string_view within_group) {
  std::string id{message.dedup_id};
  if (id.empty() && deduplicate_by.kind() == Selector::Kind::content) {
    id = hex(sha256(message.body));
  } else if (id.empty()) {
    auto selected = deduplicate_by.value(message);
    if (!selected) return missing("missing_deduplication_id", "deduplication id", receiver, deduplicate_by, message);
    id = *std::move(selected);
  }
  if (!within_group.empty()) id = std::to_string(within_group.size()) + ':' + std::string{within_group} + id;
  const std::string digest = sha256(id);
  DeduplicationKey key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

Result<GroupingRules> GroupingRules::compile(std::string_view queue, const FifoAttributes& attributes) {
  auto group_by = Selector::compile(attributes.group_by);
  if (!group_by) return Failure{group_by.error()};
  if (group_by->kind() == Selector::Kind::content)
    return fail("invalid_selector", "a message group cannot be the whole content: use group_id, id, body.PATH or attributes.NAME");
  auto deduplicate_by = Selector::compile(attributes.deduplicate_by);
  if (!deduplicate_by) return Failure{deduplicate_by.error()};
  GroupingRules rules;
  rules.queue_ = "queue " + std::string{queue};
  rules.attributes_ = attributes;
  rules.group_by_ = *std::move(group_by);
  rules.deduplicate_by_ = *std::move(deduplicate_by);
  return rules;
}

Result<Grouping> GroupingRules::of(const MessageView& message, std::string& group) const {
  auto selected = group_by_.value(message);
  if (!selected) return missing("missing_group_id", "message group", queue_, group_by_, message);
  if (selected->size() > group_max_bytes) {
    return fail("invalid_argument", "message " + std::string{message.id} + " names a message group of " +
                                        std::to_string(selected->size()) + " bytes for " + queue_ + "; at most 128 are possible");
  }
  group = *std::move(selected);
  const bool per_group = attributes_.deduplication_scope == DeduplicationScope::message_group;
  const auto key = deduplication_key(message, deduplicate_by_, queue_, per_group ? std::string_view{group} : std::string_view{});
  if (!key) return Failure{key.error()};
  return Grouping{group, *key};
}

}  // namespace remuda::broker

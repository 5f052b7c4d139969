#include "nodes/sqs_gateway/names.hpp"

#include <algorithm>

namespace remuda::sqs {
namespace {

constexpr std::string_view fifo_suffix = ".fifo";
constexpr std::size_t name_size_max = 80;

std::string arn(std::string_view service, std::string_view name) {
  return std::string{"arn:aws:"}
      .append(service)
      .append(":")
      .append(default_region)
      .append(":")
      .append(account)
      .append(":")
      .append(name);
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

bool is_fifo_name(std::string_view name) {
  return name.ends_with(fifo_suffix);
}

bool is_queue_name(std::string_view name) {
  if (name.size() > name_size_max) return false;
  if (is_fifo_name(name)) name.remove_suffix(fifo_suffix.size());
  return is_word(name);
}

std::string queue_url(std::string_view base_url, std::string_view queue) {
  return std::string{base_url}.append("/").append(account).append("/").append(queue);
}
std::string queue_arn(std::string_view queue) {
  return arn("sqs", queue);
}
std::string topic_arn(std::string_view topic) {
  return arn("sns", topic);
}

Answered<std::string> queue_of_url(std::string_view url) {
  auto path = url;
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    const auto begin = url.find('/', scheme + 3);
    path = begin == std::string_view::npos ? std::string_view{} : url.substr(begin);
  }
  const auto account_ends = path.find('/', 1);
  const bool has_account = path.starts_with('/') && account_ends != std::string_view::npos && account_ends > 1;
  const auto name = has_account ? path.substr(account_ends + 1) : std::string_view{};
  if (!is_queue_name(name))
    return refuse(Fault::invalid_address, "The address " + std::string{url.substr(0, 256)} + " is not valid for this endpoint.");
  return std::string{name};
}

std::string_view name_of_arn(std::string_view arn, std::string_view service) {
  const auto begin = std::string{"arn:aws:"}.append(service).append(":");
  if (!arn.starts_with(begin)) return {};
  const auto region_ends = arn.find(':', begin.size());
  const auto account_ends = region_ends == std::string_view::npos ? region_ends : arn.find(':', region_ends + 1);
  return account_ends == std::string_view::npos ? std::string_view{} : arn.substr(account_ends + 1);
}

}  // namespace remuda::sqs

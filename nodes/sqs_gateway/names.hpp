#pragma once
// Names of queues and topics as Amazon's clients write them: URLs and ARNs. Pure.
//   http://127.0.0.1:9324/000000000000/rides    arn:aws:sqs:us-east-1:000000000000:rides    arn:aws:sns:us-east-1:000000000000:ride-completion

#include <string>
#include <string_view>

#include "nodes/sqs_gateway/aws_error.hpp"

namespace remuda::sqs {

inline constexpr std::string_view account = "000000000000";
inline constexpr std::string_view default_region = "us-east-1";

/// 1 to 80 of letters, digits, '-' and '_'; the name of a FIFO queue ends in ".fifo", which counts.
[[nodiscard]] bool is_queue_name(std::string_view name);
[[nodiscard]] bool is_fifo_name(std::string_view name);

[[nodiscard]] std::string queue_url(std::string_view base_url, std::string_view queue);
[[nodiscard]] std::string queue_arn(std::string_view queue);
[[nodiscard]] std::string topic_arn(std::string_view topic);

/// The queue of a URL or of its path. Errors: `invalid_address`, where it ends in no queue.
Answered<std::string> queue_of_url(std::string_view url);
/// The last part of "arn:aws:SERVICE:region:account:NAME"; empty for what is no ARN of that service.
[[nodiscard]] std::string_view name_of_arn(std::string_view arn, std::string_view service);

}  // namespace remuda::sqs

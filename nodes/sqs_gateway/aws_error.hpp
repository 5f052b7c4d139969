#pragma once
// What goes wrong, in Amazon's words: one table of codes with what each protocol says of them. Pure.
// Source: SQS API Reference, "Common Errors" and the errors of each action; the service models of botocore for codes and statuses.

#include <ostream>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace remuda::sqs {

enum class Fault {
  // SQS
  batch_entry_ids_not_distinct,
  batch_request_too_long,
  empty_batch_request,
  invalid_address,
  invalid_attribute_name,
  invalid_attribute_value,
  invalid_batch_entry_id,
  invalid_message_contents,
  message_not_inflight,
  over_limit,
  purge_queue_in_progress,
  queue_deleted_recently,
  queue_does_not_exist,
  queue_name_exists,
  receipt_handle_is_invalid,
  resource_not_found,
  too_many_entries,
  unsupported_operation,
  // SNS
  sns_invalid_parameter,
  sns_not_found,
  sns_batch_entry_ids_not_distinct,
  sns_batch_request_too_long,
  sns_empty_batch_request,
  sns_invalid_batch_entry_id,
  sns_too_many_entries,
  sns_filter_policy_limit,
  // every service
  access_denied,
  incomplete_signature,
  internal_failure,
  invalid_action,
  invalid_client_token,
  invalid_parameter_value,
  malformed_input,
  malformed_query_string,
  missing_action,
  missing_authentication_token,
  missing_parameter,
  request_expired,
  request_too_large,
  request_timeout,
  service_unavailable,
  signature_does_not_match,
};

struct FaultFacts {
  Fault fault;
  std::string_view code;   ///< in XML and in x-amzn-query-error
  std::string_view shape;  ///< in JSON's __type, behind the name space
  int status;
};
[[nodiscard]] const FaultFacts& facts_of(Fault fault);
std::ostream& operator<<(std::ostream& out, Fault fault);

struct AwsError {
  Fault fault = Fault::internal_failure;
  std::string message;

  [[nodiscard]] std::string_view code() const { return facts_of(fault).code; }
  [[nodiscard]] int status() const { return facts_of(fault).status; }
  /// Whose fault it is: the sender's, unless it is ours.
  [[nodiscard]] bool is_senders() const { return status() < 500; }
};

inline Failure<AwsError> refuse(Fault fault, std::string message) {
  return {AwsError{fault, std::move(message)}};
}

template <class T>
using Answered = Result<T, AwsError>;

/// What a client is told when the queue node refuses. `queue_limit`: what the queue takes, for messages that are too large.
[[nodiscard]] AwsError from_broker(const Error& error);

}  // namespace remuda::sqs

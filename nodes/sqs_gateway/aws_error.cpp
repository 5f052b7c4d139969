#include "nodes/sqs_gateway/aws_error.hpp"

#include <algorithm>
#include <array>

namespace remuda::sqs {
namespace {

constexpr std::array table{
    FaultFacts{Fault::batch_entry_ids_not_distinct, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "BatchEntryIdsNotDistinct",
               400},
    FaultFacts{Fault::batch_request_too_long, "AWS.SimpleQueueService.BatchRequestTooLong", "BatchRequestTooLong", 400},
    FaultFacts{Fault::empty_batch_request, "AWS.SimpleQueueService.EmptyBatchRequest", "EmptyBatchRequest", 400},
    FaultFacts{Fault::invalid_address, "InvalidAddress", "InvalidAddress", 404},
    FaultFacts{Fault::invalid_attribute_name, "InvalidAttributeName", "InvalidAttributeName", 400},
    FaultFacts{Fault::invalid_attribute_value, "InvalidAttributeValue", "InvalidAttributeValue", 400},
    FaultFacts{Fault::invalid_batch_entry_id, "AWS.SimpleQueueService.InvalidBatchEntryId", "InvalidBatchEntryId", 400},
    FaultFacts{Fault::invalid_message_contents, "InvalidMessageContents", "InvalidMessageContents", 400},
    FaultFacts{Fault::message_not_inflight, "AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight", 400},
    FaultFacts{Fault::over_limit, "OverLimit", "OverLimit", 403},
    FaultFacts{Fault::purge_queue_in_progress, "AWS.SimpleQueueService.PurgeQueueInProgress", "PurgeQueueInProgress", 403},
    FaultFacts{Fault::queue_deleted_recently, "AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently", 400},
    FaultFacts{Fault::queue_does_not_exist, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400},
    FaultFacts{Fault::queue_name_exists, "QueueAlreadyExists", "QueueNameExists", 400},
    FaultFacts{Fault::receipt_handle_is_invalid, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404},
    FaultFacts{Fault::resource_not_found, "ResourceNotFoundException", "ResourceNotFoundException", 404},
    FaultFacts{Fault::too_many_entries, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "TooManyEntriesInBatchRequest", 400},
    FaultFacts{Fault::unsupported_operation, "AWS.SimpleQueueService.UnsupportedOperation", "UnsupportedOperation", 400},
    FaultFacts{Fault::sns_invalid_parameter, "InvalidParameter", "InvalidParameterException", 400},
    FaultFacts{Fault::sns_not_found, "NotFound", "NotFoundException", 404},
    FaultFacts{Fault::sns_batch_entry_ids_not_distinct, "BatchEntryIdsNotDistinct", "BatchEntryIdsNotDistinctException", 400},
    FaultFacts{Fault::sns_batch_request_too_long, "BatchRequestTooLong", "BatchRequestTooLongException", 400},
    FaultFacts{Fault::sns_empty_batch_request, "EmptyBatchRequest", "EmptyBatchRequestException", 400},
    FaultFacts{Fault::sns_invalid_batch_entry_id, "InvalidBatchEntryId", "InvalidBatchEntryIdException", 400},
    FaultFacts{Fault::sns_too_many_entries, "TooManyEntriesInBatchRequest", "TooManyEntriesInBatchRequestException", 400},
    FaultFacts{Fault::sns_filter_policy_limit, "FilterPolicyLimitExceeded", "FilterPolicyLimitExceededException", 403},
    FaultFacts{Fault::access_denied, "AccessDenied", "AccessDeniedException", 403},
    FaultFacts{Fault::incomplete_signature, "IncompleteSignature", "IncompleteSignatureException", 400},
    FaultFacts{Fault::internal_failure, "InternalFailure", "InternalFailure", 500},
    FaultFacts{Fault::invalid_action, "InvalidAction", "UnknownOperationException", 400},
    FaultFacts{Fault::invalid_client_token, "InvalidClientTokenId", "UnrecognizedClientException", 403},
    FaultFacts{Fault::invalid_parameter_value, "InvalidParameterValue", "InvalidParameterValueException", 400},
    FaultFacts{Fault::malformed_input, "MalformedInput", "SerializationException", 400},
    FaultFacts{Fault::malformed_query_string, "MalformedQueryString", "MalformedQueryString", 404},
    FaultFacts{Fault::missing_action, "MissingAction", "MissingAction", 400},
    FaultFacts{Fault::missing_authentication_token, "MissingAuthenticationToken", "MissingAuthenticationTokenException", 403},
    FaultFacts{Fault::missing_parameter, "MissingParameter", "MissingRequiredParameterException", 400},
    FaultFacts{Fault::request_expired, "RequestExpired", "RequestExpired", 400},
    FaultFacts{Fault::request_too_large, "RequestEntityTooLarge", "RequestEntityTooLargeException", 413},
    FaultFacts{Fault::request_timeout, "RequestTimeout", "RequestTimeoutException", 408},
    FaultFacts{Fault::service_unavailable, "ServiceUnavailable", "ServiceUnavailable", 503},
    FaultFacts{Fault::signature_does_not_match, "SignatureDoesNotMatch", "InvalidSignatureException", 403},
};

}  // namespace

const FaultFacts& facts_of(Fault fault) {
  return *std::find_if(table.begin(), table.end(), [&](const FaultFacts& facts) { return facts.fault == fault; });
}

std::ostream& operator<<(std::ostream& out, Fault fault) {
  return out << facts_of(fault).code;
}

AwsError from_broker(const Error& error) {
  if (error.code == "no_such_queue") return {Fault::queue_does_not_exist, "The specified queue does not exist."};
  if (error.code == "message_too_large")
    return {Fault::invalid_parameter_value, "One or more parameters are invalid. Reason: " + error.message};
  if (error.code == "missing_group_id") return {Fault::missing_parameter, "The request must contain the parameter MessageGroupId."};
  if (error.code == "missing_deduplication_id")
    return {Fault::invalid_parameter_value,
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"};
  if (error.code == "over_limit" || error.code == "queue_full") return {Fault::over_limit, error.message};
  if (error.code == "storage_full" || error.code == "unreachable" || error.code == "timed_out" || !error.definite)
    return {Fault::service_unavailable, "The queue node cannot do it now: " + error.message};
  return {Fault::invalid_parameter_value, error.message};
}

}  // namespace remuda::sqs

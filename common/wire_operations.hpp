#pragma once
// The operations' names on the wire, for the reader and the writer of requests; and what both use.

#include <string_view>

#include "common/wire.hpp"

namespace remuda::wire {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

template <class T>
inline constexpr std::string_view operation_name = {};
template <>
inline constexpr std::string_view operation_name<Hello> = "hello";
template <>
inline constexpr std::string_view operation_name<Ping> = "ping";
template <>
inline constexpr std::string_view operation_name<Send> = "send";
template <>
inline constexpr std::string_view operation_name<Publish> = "publish";
template <>
inline constexpr std::string_view operation_name<Receive> = "receive";
template <>
inline constexpr std::string_view operation_name<CancelReceives> = "cancel_receives";
template <>
inline constexpr std::string_view operation_name<Delete> = "delete";
template <>
inline constexpr std::string_view operation_name<ChangeVisibility> = "change_visibility";
template <>
inline constexpr std::string_view operation_name<RetryLater> = "retry_later";
template <>
inline constexpr std::string_view operation_name<Reject> = "reject";
template <>
inline constexpr std::string_view operation_name<Release> = "release";
template <>
inline constexpr std::string_view operation_name<Transact> = "transact";
template <>
inline constexpr std::string_view operation_name<Peek> = "peek";
template <>
inline constexpr std::string_view operation_name<Purge> = "purge";
template <>
inline constexpr std::string_view operation_name<Redrive> = "redrive";
template <>
inline constexpr std::string_view operation_name<StartMove> = "start_move";
template <>
inline constexpr std::string_view operation_name<CancelMove> = "cancel_move";
template <>
inline constexpr std::string_view operation_name<ListMoves> = "list_moves";
template <>
inline constexpr std::string_view operation_name<GetQueueInfo> = "queue_info";
template <>
inline constexpr std::string_view operation_name<ListQueues> = "list_queues";
template <>
inline constexpr std::string_view operation_name<ListTopics> = "list_topics";
template <>
inline constexpr std::string_view operation_name<BeginBackup> = "backup";
template <>
inline constexpr std::string_view operation_name<ReadBackup> = "backup_read";
template <>
inline constexpr std::string_view operation_name<EndBackup> = "backup_end";
template <>
inline constexpr std::string_view operation_name<DeclareQueue> = "declare_queue";
template <>
inline constexpr std::string_view operation_name<DeleteQueue> = "delete_queue";
template <>
inline constexpr std::string_view operation_name<DeclareTopic> = "declare_topic";
template <>
inline constexpr std::string_view operation_name<DeleteTopic> = "delete_topic";
template <>
inline constexpr std::string_view operation_name<Subscribe> = "subscribe";
template <>
inline constexpr std::string_view operation_name<Unsubscribe> = "unsubscribe";
template <>
inline constexpr std::string_view operation_name<Credit> = "credit";
template <>
inline constexpr std::string_view operation_name<Append> = "append";
template <>
inline constexpr std::string_view operation_name<StreamCheckpoint> = "stream_checkpoint";
template <>
inline constexpr std::string_view operation_name<StreamRead> = "stream_read";
template <>
inline constexpr std::string_view operation_name<StreamTake> = "stream_take";
template <>
inline constexpr std::string_view operation_name<StreamSeek> = "stream_seek";
template <>
inline constexpr std::string_view operation_name<DeclareStream> = "declare_stream";
template <>
inline constexpr std::string_view operation_name<DeleteStream> = "delete_stream";
template <>
inline constexpr std::string_view operation_name<GetStreamInfo> = "stream_info";
template <>
inline constexpr std::string_view operation_name<ListStreams> = "list_streams";
template <>
inline constexpr std::string_view operation_name<KeepProgress> = "keep_progress";
template <>
inline constexpr std::string_view operation_name<GetProgress> = "progress";

}  // namespace remuda::wire

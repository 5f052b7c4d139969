#pragma once
// How work that was accepted and is not done yet is told to clients: 202, a link to ask again, and an estimate. Pure.
//
// A task's id says by itself that a request made it, so that whoever is asked for its state can tell a task that has not
// arrived yet from one that nobody ever submitted, without a store at the place that accepts. It is no secret and proves
// nothing about who asks.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace remuda::http {

/// The id of the task that a request starts. A request id that the system made (a version 7 UUID, which holds its time) is the
/// task's too; any other, a client's Idempotency-Key, gives a version 8 UUID that ends in a checksum. Equal in, equal out.
[[nodiscard]] std::string task_id(std::string_view request_id);

/// True when task_id() may have made this id, and, where its time is known, not longer than `lifetime` ago.
[[nodiscard]] bool may_be_task(std::string_view id, std::int64_t now_ms, std::chrono::milliseconds lifetime);

/// `{"id":...,"links":{"refresh":PATH},"status":"running","eta":SECONDS}`; `eta` is at least 1: who asks earlier asks in vain.
[[nodiscard]] std::string running_task(std::string_view id, std::string_view path, std::chrono::milliseconds eta);
/// What is left of `eta` for a task whose id holds its time; else all of it.
[[nodiscard]] std::chrono::milliseconds eta_left(std::string_view id, std::int64_t now_ms, std::chrono::milliseconds eta);

}  // namespace remuda::http

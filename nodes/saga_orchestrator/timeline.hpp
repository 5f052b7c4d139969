#pragma once
// A saga for people and programs. Each entry of a history is an object with `at_ms` and `what`:
//
//   started · entered state · left state [error] · asked state task attempt · answered key · failed key attempt error cause ·
//   retry state in_ms error · waits state in_ms · parked state error · ended status · and what operators did: retry, skip, abort, stop
//
// Pure: the entries follow from the events and what they did.

#include "nodes/saga_orchestrator/saga_store.hpp"

namespace remuda::saga {

/// `id`, `definition`, `definition_hash`, `status`, `states`, `started_ms`, and where there are any `ended_ms`, `deadline_ms`, `error`.
Json describe_row(const SagaRow& row);
void append_entries(const StoredEvent& event, const Effects& effects, Json& entries);

}  // namespace remuda::saga

#pragma once
// Reads what handles errors, and the rules of choices.

#include "common/saga/fields.hpp"

namespace remuda::saga {

std::vector<Retrier> read_retry(Fields& state, std::vector<Problem>& problems);
std::vector<Catcher> read_catch(Fields& state, std::vector<Problem>& problems);
std::vector<ChoiceRule> read_choices(Fields& state, std::vector<Problem>& problems);
/// One of the reserved names that begin with `States.`.
bool is_reserved_error(std::string_view name);

}  // namespace remuda::saga

#include "common/saga/definition.hpp"

#include <algorithm>

#include "common/mutant.hpp"

namespace remuda::saga {

std::string_view name_of(StateType type) {
  switch (type) {
    case StateType::task:
      return "Task";
    case StateType::choice:
      return "Choice";
    case StateType::parallel:
      return "Parallel";
    case StateType::map:
      return "Map";
    case StateType::wait:
      return "Wait";
    case StateType::pass:
      return "Pass";
    case StateType::succeed:
      return "Succeed";
    case StateType::fail:
      return "Fail";
  }
  return "";
}

Result<Json, StateError> Selection::apply(const Json& data, const Json& context) const {
  if (empty_object) return Json::object();
  if (path.is_root()) return data;
  auto selected = path.select(path.of_context() ? context : data);
  if (!selected) return failed(errors::runtime, "an InputPath, OutputPath or ItemsPath selects nothing");
  return std::move(*selected);
}

Result<Json, StateError> ResultPlace::apply(const Json& raw_input, Json result) const {
  if (dropped) return raw_input;
  if (path.is_root()) return result;
  Json output = raw_input;
  if (!path.put(output, std::move(result))) {
    return failed(errors::result_path, "the ResultPath does not fit the state's input: something that is no object is in the way");
  }
  return output;
}

bool ResultPlace::hand_over(Json& raw_input, Json& result) const {
  if (dropped && !REMUDA_MUTANT(222)) return true;
  if (path.is_root()) {
    raw_input = std::move(result);
    return true;
  }
  return path.can_put(raw_input) && within_limits_together(raw_input, result) && path.put(raw_input, std::move(result));
}

bool names_error(const std::vector<std::string>& names, std::string_view error) {
  const bool is_terminal = error == errors::runtime || error == errors::data_limit;
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (name == error) return true;
    if (name == errors::all) return !is_terminal || REMUDA_MUTANT(214);
    if (name == errors::task_failed) return error != errors::timeout;
    return name == errors::timeout && error == errors::heartbeat_timeout;
  });
}

}  // namespace remuda::saga

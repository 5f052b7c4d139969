#include "cli/progress_printer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/table.hpp"

namespace remuda::cli {

using supervisor::LogRecord;
using supervisor::Progress;

namespace {

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

}  // namespace

ProgressPrinter::ProgressPrinter(const Terminal& terminal, std::string topology, std::size_t name_width, bool detached)
    : terminal_{terminal}, topology_{std::move(topology)}, name_width_{name_width}, detached_{detached} {}

void ProgressPrinter::on_progress(const Progress& progress) {
  const bool colours = terminal_.error_colours;
  const auto line = [&](Colour colour, std::string_view word, const std::string& rest) {
    const std::string shown = rest.empty() ? std::string{word} : padded(std::string{word}, 8);
    terminal_.err << fmt::format("  {}  {}{}\n", padded(progress.process, name_width_), cli::paint(colours, colour, shown),
                                 rest.empty() ? "" : " " + rest);
  };
  switch (progress.kind) {
    case Progress::Kind::started:
      terminal_.err << fmt::format("{}: starting {} process{}\n", cli::paint(colours, Colour::bold, topology_), progress.count,
                                   progress.count == 1 ? "" : "es");
      break;
    case Progress::Kind::ready:
      line(Colour::green, "ready", fmt::format("{:>5} ms", progress.milliseconds));
      break;
    case Progress::Kind::all_ready:
      terminal_.err << fmt::format("{}: {} after {} ms{}\n", cli::paint(colours, Colour::bold, topology_),
                                   cli::paint(colours, Colour::green, "all ready"), progress.milliseconds,
                                   detached_ ? "" : "; Ctrl-C stops it");
      break;
    case Progress::Kind::restarting:
      line(Colour::yellow, "backoff", fmt::format("{}; started again in {} ms", one_line(progress.text), progress.milliseconds));
      break;
    case Progress::Kind::failed:
      line(Colour::red, "failed", one_line(progress.text));
      for (const LogRecord& record : progress.last_lines) terminal_.err << "    " << supervisor::render(record, 0, colours) << '\n';
      break;
    case Progress::Kind::stopping:
      terminal_.err << fmt::format("{}: {}\n", cli::paint(colours, Colour::bold, topology_), progress.text);
      break;
    case Progress::Kind::stopped:
      line(Colour::dim, "stopped", "");
      break;
  }
  terminal_.err.flush();
}

void ProgressPrinter::on_line(const LogRecord& record) {
  terminal_.out << supervisor::render(record, name_width_, terminal_.colours) << '\n' << std::flush;
}

void ProgressReporter::write(const std::string& line) {
  if (!out_.is_open()) return;
  const std::string text = line + '\n';
  if (::write(out_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) out_.reset();
}

void ProgressReporter::on_progress(const Progress& progress) {
  nlohmann::json json{{"kind", static_cast<int>(progress.kind)},
                      {"process", progress.process},
                      {"node_kind", progress.node_kind},
                      {"ms", progress.milliseconds},
                      {"count", progress.count},
                      {"text", progress.text}};
  json["lines"] = nlohmann::json::array();
  for (const LogRecord& record : progress.last_lines) json["lines"].push_back(supervisor::to_json_line(record));
  write(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void ProgressReporter::on_line(const LogRecord& record) {
  if (record.node != "remuda") return;  // the processes' own lines are in the log files
  write(supervisor::to_json_line(record));
}

ReportedLine read_reported_line(const std::string& line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return {};
  if (!json.contains("kind")) return {std::nullopt, supervisor::from_json_line(line)};
  Progress progress;
  progress.kind = static_cast<Progress::Kind>(json.value("kind", 0));
  progress.process = json.value("process", "");
  progress.node_kind = json.value("node_kind", "");
  progress.milliseconds = json.value("ms", std::int64_t{0});
  progress.count = json.value("count", std::size_t{0});
  progress.text = json.value("text", "");
  for (const nlohmann::json& kept : json.value("lines", nlohmann::json::array())) {
    if (!kept.is_string()) continue;
    if (std::optional<LogRecord> record = supervisor::from_json_line(kept.get<std::string>()))
      progress.last_lines.push_back(std::move(*record));
  }
  return {progress, std::nullopt};
}

}  // namespace remuda::cli

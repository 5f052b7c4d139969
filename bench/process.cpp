#include "bench/process.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace remuda::bench {

namespace {

double status_mib(pid_t pid, const std::string& key) {
  std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(key.size())) / 1024;
  }
  return 0;
}

[[noreturn]] void fail_with(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TemporaryFolder::TemporaryFolder(const std::string& parent) {
  std::string name =
      ((parent.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path{parent}) / "remuda-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fail_with("cannot create " + name, errno);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Process::Process(const std::string& program, const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  const std::string path = (program_folder() / program).string();
  int life[2] = {-1, -1};
  if (pipe2(life, O_CLOEXEC) != 0) fail_with("pipe", errno);
  constexpr int child_life_fd = 3;

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  // dup2 onto itself clears close-on-exec too, so the descriptor is open in the child whatever its number here was.
  posix_spawn_file_actions_adddup2(&actions, life[0], child_life_fd);

  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) environment.emplace_back(*variable);
  environment.push_back("REMUDA_LIFE_FD=" + std::to_string(child_life_fd));
  std::vector<char*> env;
  for (auto& variable : environment) env.push_back(variable.data());
  env.push_back(nullptr);
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const int error = posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  close(life[0]);
  life_ = life[1];
  if (error != 0) {
    close(life_);
    fail_with("cannot start " + path, error);
  }
}

Process::~Process() {
  kill_now();
  close(life_);
}

void Process::kill_now() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  wait();
}

int Process::stop() {
  if (pid_ <= 0) return 0;
  kill(pid_, SIGTERM);
  return wait();
}

int Process::wait() {
  if (pid_ <= 0) return 0;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  return exit_code_of(status);
}

double Process::cpu_seconds() const {
  return bench::cpu_seconds(pid_);
}
double Process::peak_rss_mib() const {
  return status_mib(pid_, "VmHWM:");
}
double Process::rss_mib() const {
  return status_mib(pid_, "VmRSS:");
}

namespace {

/// Fields `first` to `last` of /proc/PID/stat, counted as proc(5) does; empty when there is no such process.
std::vector<long> stat_fields(pid_t pid, int first, int last) {
  std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  std::getline(stat, text);
  const auto name_end = text.rfind(')');  // the name in parentheses may hold spaces
  if (name_end == std::string::npos) return {};
  std::istringstream fields{text.substr(name_end + 2)};
  std::string skipped;
  for (int field = 3; field < first; ++field) fields >> skipped;
  std::vector<long> out;
  for (long value = 0; first <= last && fields >> value; ++first) out.push_back(value);
  return out;
}

double seconds_of(const std::vector<long>& ticks) {
  return static_cast<double>(std::accumulate(ticks.begin(), ticks.end(), 0L)) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

double cpu_seconds(pid_t pid) {
  return seconds_of(stat_fields(pid, 14, 15));
}
double cpu_seconds_with_children(pid_t pid) {
  return seconds_of(stat_fields(pid, 14, 17));
}
pid_t parent_of(pid_t pid) {
  const auto fields = stat_fields(pid, 4, 4);
  return fields.empty() ? 0 : static_cast<pid_t>(fields.front());
}

double private_mib(pid_t pid) {
  std::ifstream rollup{"/proc/" + std::to_string(pid) + "/smaps_rollup"};
  double kib = 0;
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Private_")) kib += std::stod(line.substr(line.find(':') + 1));
  }
  return kib / 1024;
}

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

int free_port() {
  // Below the range from which the kernel gives ports to outgoing connections: one of those may take it before we listen.
  std::random_device random;
  std::uniform_int_distribution<int> ports{15'000, 31'999};
  for (int attempt = 0; attempt < 1'000; ++attempt) {
    const int port = ports(random);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail_with("socket", errno);
    const int reuse = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (is_free) return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace remuda::bench

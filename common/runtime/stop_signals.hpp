#pragma once
// SIGTERM and SIGINT as a readable descriptor. The first of either asks to drain; a second SIGINT ends the process at once with
// exit code 130, also while a handler keeps the loop busy.

namespace remuda {

class StopSignals {
 public:
  /// Takes both signals over for the whole process and ignores SIGPIPE. At most one object at a time.
  /// Throws std::runtime_error when the system has no descriptor left.
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  /// Gives the signals their default meaning back.
  ~StopSignals();

  /// Readable from the first signal on.
  [[nodiscard]] int fd() const;
  /// True once a signal has come; `by_user` tells SIGINT from SIGTERM.
  [[nodiscard]] bool asked() const;
  [[nodiscard]] bool by_user() const;
};

}  // namespace remuda

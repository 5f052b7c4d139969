#pragma once
// The messages whose outputs travel to their own broker together with their acknowledgement, in the order in which
// they were handled.
//
// One portion at a time: else what a full queue has refused could be overtaken by what it took a moment later, and the order of a
// message group would be lost. What is handled meanwhile makes the next portion larger, so waiting for an answer costs no
// throughput. Decides what goes next and how much of it; asks nobody, knows no clock.

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include "common/runtime/handled.hpp"

namespace remuda {

class OutputLine {
 public:
  using Portion = std::vector<Handled>;

  /// One message may exceed `bytes_max` alone.
  OutputLine(std::size_t count_max, std::size_t bytes_max) : count_max_{count_max}, bytes_max_{bytes_max}, count_{count_max} {}

  void add(Handled handled) { waiting_.push_back(std::move(handled)); }

  /// What goes next; empty while a portion is out, while the line is paused, and when nobody waits. It has to come back by one of
  /// the three below.
  [[nodiscard]] Portion next() {
    Portion portion;
    if (is_out_ || is_paused_) return portion;
    const std::size_t count = alone_ > 0 ? 1 : count_;
    for (std::size_t bytes = 0; !waiting_.empty() && portion.size() < count; waiting_.pop_front()) {
      if (!portion.empty() && (waiting_.front().goes_alone() || portion.back().goes_alone())) break;
      bytes += waiting_.front().output_bytes();
      if (!portion.empty() && bytes > bytes_max_) break;
      portion.push_back(std::move(waiting_.front()));
    }
    is_out_ = !portion.empty();
    return portion;
  }

  /// It was taken, or its one message has ended otherwise.
  void settled(std::size_t count) {
    is_out_ = false;
    alone_ -= std::min(alone_, count);
    count_ = std::min(count_max_, 2 * count_);
  }
  /// Not now. True: a smaller portion may go at once; false: the line is paused until resume().
  [[nodiscard]] bool refused_for_now(Portion portion) {
    count_ = std::max<std::size_t>(1, portion.size() / 2);
    is_paused_ = portion.size() == 1;
    put_back(std::move(portion));
    return !is_paused_;
  }
  /// Never as it is: its messages go one by one, so that only those that are the reason stay behind.
  void refused(Portion portion) {
    alone_ = portion.size();
    put_back(std::move(portion));
  }
  void resume() { is_paused_ = false; }
  /// It was refused, and goes first again as something else.
  void changed(Handled handled) {
    alone_ -= std::min<std::size_t>(alone_, 1);
    is_out_ = false;
    waiting_.push_front(std::move(handled));
  }
  /// Takes out what `is_lost`.
  template <class Predicate>
  [[nodiscard]] Portion take_lost(Predicate is_lost) {
    Portion lost;
    std::deque<Handled> kept;
    for (auto& handled : waiting_) {
      if (is_lost(handled)) {
        lost.push_back(std::move(handled));
      } else {
        kept.push_back(std::move(handled));
      }
    }
    waiting_ = std::move(kept);
    return lost;
  }

  [[nodiscard]] const std::deque<Handled>& waiting() const { return waiting_; }

 private:
  void put_back(Portion portion) {
    is_out_ = false;
    waiting_.insert(waiting_.begin(), std::make_move_iterator(portion.begin()), std::make_move_iterator(portion.end()));
  }

  // constant after construction
  std::size_t count_max_;
  std::size_t bytes_max_;

  std::deque<Handled> waiting_;
  std::size_t count_;      ///< of the next portion, at most
  std::size_t alone_ = 0;  ///< the first so many go one by one
  bool is_out_ = false;
  bool is_paused_ = false;
};

}  // namespace remuda

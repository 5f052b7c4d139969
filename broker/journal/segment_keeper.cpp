#include "broker/journal/segment_keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include "broker/journal/segment_files.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

SegmentKeeper::SegmentKeeper(Folder& folder, Settings settings, std::vector<std::uint32_t> spares)
    : folder_{folder}, settings_{settings}, ready_{spares.begin(), spares.end()} {
  for (const auto number : spares) last_number_ = std::max(last_number_, number);
}

SegmentKeeper::~SegmentKeeper() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (helper_.joinable()) helper_.join();
  // What is not only to save time.
  Lock lock{mutex_};
  try {
    for (const auto& job : jobs_) {
      if (!job.bytes.empty() && !failed_) do_index(job, lock);
    }
  } catch (const std::bad_alloc&) {
    return;  // the next start writes it
  }
}

Result<void> SegmentKeeper::start() {
  Lock lock{mutex_};
  while (count() < spares_wanted && !full_) {
    const auto number = next_number();
    const auto name = unfinished_name(spare_name(number));
    const auto file = create_preallocated(folder_, name, settings_.capacity);
    if (file) {
      reserved_.push_back(number);
    } else {
      note("preallocation", name, file.error());
      if (failed_) return Failure<Error>{*failure_};
    }
  }
  if (settings_.background) {
    helper_ = std::thread{[this] { run(); }};
  } else {
    work(lock);
    if (failed_) return Failure<Error>{*failure_};
  }
  return {};
}

std::uint32_t SegmentKeeper::available() const {
  const Lock lock{mutex_};
  return count() - std::min(count(), promised_);
}

bool SegmentKeeper::wait_for_spare() const {
  Lock lock{mutex_};
  changed_.wait(lock, [&] { return count() > promised_ || full_ || failed_; });
  return count() > promised_;
}

bool SegmentKeeper::promise() {
  Lock lock{mutex_};
  if (failed_ || count() <= promised_) return false;
  ++promised_;
  work(lock);
  return true;
}

Result<std::string> SegmentKeeper::take() {
  Lock lock{mutex_};
  changed_.wait(lock, [&] { return !ready_.empty() || failed_ || count() == 0; });
  if (failed_) return Failure<Error>{*failure_};
  if (ready_.empty()) return fail("storage_full", "no space for another segment in " + folder_.path());
  const auto number = ready_.front();
  ready_.pop_front();
  --promised_;
  return spare_name(number);
}

void SegmentKeeper::recycle(std::vector<Truncated> segments) {
  Lock lock{mutex_};
  for (const auto& segment : segments) jobs_.push_back({segment, 0, {}});
  work(lock);
}

void SegmentKeeper::index(std::uint32_t segment, std::string bytes) {
  Lock lock{mutex_};
  jobs_.push_back({std::nullopt, segment, std::move(bytes)});
  work(lock);
}

void SegmentKeeper::retry() {
  Lock lock{mutex_};
  retry_wanted_ = true;  // it counts as full until a spare is there: meanwhile nobody takes what is kept for deletes
  work(lock);
}

std::optional<Error> SegmentKeeper::failure() const {
  const std::lock_guard lock{mutex_};
  return failure_;
}

void SegmentKeeper::run() {
  Lock lock{mutex_};
  while (!stopping_) {
    if (idle()) {
      changed_.wait(lock);
      continue;
    }
    try {
      do_one(lock);
    } catch (const std::bad_alloc&) {
      if (!lock.owns_lock()) lock.lock();
      fail_without_memory();
    }
    changed_.notify_all();
  }
}

/// Without a helper, whoever asked does the work; with one, it is woken.
void SegmentKeeper::work(Lock& lock) {
  if (settings_.background) {
    changed_.notify_all();
    return;
  }
  while (!idle()) do_one(lock);
}

bool SegmentKeeper::idle() const {
  return failed_ || (jobs_.empty() && !spare_missing());
}

bool SegmentKeeper::spare_missing() const {
  return !reserved_.empty() || (count() < promised_ + spares_wanted && (!full_ || retry_wanted_));
}

/// Truncated segments first: each may save preparing a spare. Indexes last: nobody waits for them.
void SegmentKeeper::do_one(Lock& lock) {
  const auto truncated = std::find_if(jobs_.begin(), jobs_.end(), [](const Job& job) { return job.recycle.has_value(); });
  if (truncated != jobs_.end()) {
    const auto segment = *truncated->recycle;
    // An index job for a segment that is gone would only find nothing to read.
    jobs_.erase(truncated);
    std::erase_if(jobs_, [&](const Job& job) { return job.index == segment.number; });
    do_recycle(segment, lock);
  } else if (spare_missing()) {
    fill_or_add_spare(lock);
  } else {
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    do_index(job, lock);
  }
}

void SegmentKeeper::fill_or_add_spare(Lock& lock) {
  const bool reserved = !reserved_.empty();
  const auto number = reserved ? reserved_.front() : next_number();
  if (reserved) {
    reserved_.pop_front();
    ++filling_;  // it counts as a spare while its zeros are written
  }
  lock.unlock();

  const auto name = unfinished_name(spare_name(number));
  std::optional<Errno> error;
  std::string_view call = "preallocation";
  auto file = reserved ? folder_.open(name, OpenMode::read_write) : create_preallocated(folder_, name, settings_.capacity);
  const auto attempt = [&](std::string_view what, const auto& outcome) {
    if (error) return;
    call = what;
    if (!outcome) error = outcome.error();
  };
  attempt(call, file);
  if (!error) attempt("zero-filling", write_zeros(**file, 0, settings_.capacity));
  if (!error) attempt("fdatasync", (*file)->sync());
  if (!error) attempt("rename", folder_.rename(name, spare_name(number)));
  if (!error) attempt("fsync", folder_.sync());
  if (error && is_disk_full(*error)) static_cast<void>(folder_.remove(name));  // else swept at the next start

  lock.lock();
  if (reserved) --filling_;
  if (error) {
    note(call, name, *error);
  } else {
    ready_.push_back(number);
    note_space();
  }
}

void SegmentKeeper::do_recycle(Truncated segment, Lock& lock) {
  const bool keep = segment.capacity == settings_.capacity && count() < settings_.spares_max;
  const auto number = keep ? next_number() : 0;
  if (keep) ++filling_;
  lock.unlock();

  const auto name = segment_name(segment.number);
  std::optional<Errno> error;
  const auto removed = folder_.remove(index_name(segment.number));
  if (!removed && removed.error().value != ENOENT) error = removed.error();
  if (!error) {
    const auto gone = keep ? folder_.rename(name, spare_name(number)) : folder_.remove(name);
    if (!gone) error = gone.error();
  }
  // The next older segment goes only when this one is certainly gone: a chain with a hole would bring deleted messages back.
  if (!error && !REMUDA_MUTANT(70)) {
    const auto synced = folder_.sync();
    if (!synced) error = synced.error();
  }

  lock.lock();
  if (keep) --filling_;
  if (error) {
    fail_with(storage_error(folder_, "truncation", name, *error));
  } else {
    if (keep) ready_.push_back(number);
    retry_wanted_ = true;  // space came free: worth another try
    note_space();
  }
}

void SegmentKeeper::do_index(const Job& job, Lock& lock) {
  lock.unlock();
  const auto name = segment_name(job.index);
  const auto unfinished = unfinished_name(index_name(job.index));
  std::optional<Error> problem;
  const auto attempt = [&](std::string_view call, const std::string& where, const auto& outcome) {
    if (!problem && !outcome) problem = storage_error(folder_, call, where, outcome.error());
    return !problem;
  };
  std::optional<std::string> index;
  if (!job.bytes.empty()) {
    index = job.bytes;
  } else if (auto file = folder_.open(name, OpenMode::read); attempt("opening", name, file)) {
    const auto size = (*file)->size();
    const auto bytes = (*file)->map(size ? std::min<std::uint64_t>(*size, segment_capacity_max) : 0);
    if (attempt("mapping", name, bytes)) {
      index = make_index(*bytes);
      if (!index) problem = Error{"journal_damaged", folder_.path() + "/" + name + " no longer holds what was written to it", true};
    }
  }
  if (index) {
    auto target = folder_.open(unfinished, OpenMode::create);
    if (attempt("creation", unfinished, target) && attempt("writing", unfinished, write_fully(**target, 0, *index)) &&
        attempt("fdatasync", unfinished, (*target)->sync()) &&
        attempt("rename", unfinished, folder_.rename(unfinished, index_name(job.index)))) {
      static_cast<void>(attempt("fsync", unfinished, folder_.sync()));
    }
  }
  // An index only saves time at the next start: without space it is left out.
  const bool left_out = problem && problem->code == "storage_full";
  if (left_out) static_cast<void>(folder_.remove(unfinished));
  lock.lock();
  if (problem && !left_out) fail_with(*problem);
}

void SegmentKeeper::note(std::string_view call, const std::string& name, Errno error) {
  if (is_disk_full(error)) {
    full_ = true;
    retry_wanted_ = false;
  } else {
    fail_with(storage_error(folder_, call, name, error));
  }
}

/// The disk is full no more once all spares are there.
void SegmentKeeper::note_space() {
  if (count() >= promised_ + spares_wanted) full_ = false;
}

/// With words so short that they need none.
void SegmentKeeper::fail_without_memory() {
  if (!failure_) failure_ = Error{"no_memory", "out of memory", true};
  failed_ = true;
}

void SegmentKeeper::fail_with(Error error) {
  if (!failure_) failure_ = std::move(error);
  failed_ = true;
}

}  // namespace remuda::broker

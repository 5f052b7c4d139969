// Streams: kept after reading, read from any position, shared by consumer groups a batch at a time. The guarantees of STREAM.md.

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {

namespace {

struct StreamFixture : EngineFixture {
  explicit StreamFixture(std::uint32_t segment_size = 64U << 20U) : EngineFixture{segment_size} { declare_stream(positions()); }

  static StreamAttributes positions() {
    StreamAttributes attributes;
    attributes.name = "positions";
    return attributes;
  }
  void declare_stream(const StreamAttributes& attributes) {
    const Answer answer = ask(DeclareStream{new_request(), attributes});
    BOOST_REQUIRE_MESSAGE(done(answer), "refused: " << code(answer));
  }
  StreamId stream() const { return engine->find_stream("positions").value(); }
  Answer append(const std::vector<std::string>& bodies, std::uint32_t partition = 0) {
    std::vector<Body> records;
    for (const std::string& body : bodies) records.push_back({body, checksum(body)});
    const std::vector<std::uint32_t> partitions(bodies.size(), partition);
    return ask(AppendStream{new_request(), stream(), records, partitions});
  }
  std::string bodies_of(const StreamBatch& batch) const {
    std::string bodies;
    for (std::size_t i = batch.first; i < batch.first + batch.count; ++i) {
      const StreamRecord& record = effects.stream_records[i];
      const std::string body{log.read(record.place, record.size)};
      BOOST_TEST(record.crc32c == checksum(body));
      bodies += body;
    }
    return bodies;
  }
  static StreamPosition at(Offset offset) { return {StreamPosition::Kind::offset, offset, 0}; }
  static StreamPosition since(std::int64_t unix_ms) { return {StreamPosition::Kind::time, 0, unix_ms}; }
  std::string read(const StreamPosition& from = {}, std::uint32_t max = 100, std::uint32_t partition = 0) {
    effects.clear();
    const auto batch = engine->read_stream(stream(), partition, from, max, 1 << 20, moment_of(clock), effects);
    return batch ? bodies_of(*batch) : batch.error().code;
  }
  StreamBatch take(std::uint32_t max = 100, std::string_view group = "lake", bool start_latest = false) {
    const Answer answer = ask(TakeStream{new_request(), stream(), group, max, 1 << 20, 30s, start_latest});
    BOOST_REQUIRE_MESSAGE(std::holds_alternative<StreamBatch>(answer), "refused: " << code(answer));
    return std::get<StreamBatch>(answer);
  }
  std::string take_bodies(std::uint32_t max = 100, std::string_view group = "lake", bool start_latest = false) {
    return bodies_of(take(max, group, start_latest));
  }
  std::string checkpoint(const StreamLease& lease, Offset next, CheckpointStream::End end = CheckpointStream::End::none,
                         Milliseconds delay = 0ms) {
    return code(ask(CheckpointStream{new_request(), lease, next, end, "no good", delay}));
  }
};

struct PoisonFixture : StreamFixture {
  PoisonFixture() {
    StreamAttributes attributes = positions();
    attributes.dead_letter_queue = "positions-dead";
    attributes.max_receives = 2;
    declare_stream(attributes);
  }
};

struct WaitingFixture : StreamFixture {
  void wait_for_records(std::string_view group, Milliseconds wait = 20s) {
    TakeStream command{new_request(), stream(), group, 100, 1 << 20, 30s};
    command.wait = wait;
    tell(command);
  }
  /// Leaves what was answered to others.
  void append_quietly(const std::string& body) {
    const Body record{body, checksum(body)};
    const std::uint32_t partition = 0;
    tell(AppendStream{new_request(), stream(), {&record, 1}, {&partition, 1}});
    effects.replies.erase(effects.replies.begin());
  }
  std::size_t replies() const { return effects.replies.size(); }
  std::string answered_bodies() const { return bodies_of(std::get<StreamBatch>(effects.replies.back().answer)); }
};

/// Segments of 4 KiB: the log turns over quickly.
struct TurningFixture : StreamFixture {
  TurningFixture() : StreamFixture{4096} {}
  void compact() {
    while (engine->compact(1 << 20, moment_of(clock))) {}
    log.truncate_before(engine->oldest_needed_segment());
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_streams)

BOOST_FIXTURE_TEST_CASE(reading_deletes_nothing_and_any_position_can_be_read_again, StreamFixture) {
  append({"a", "b"});
  advance(10s);
  const std::int64_t later = moment_of(clock).unix_ms;
  append({"c"});
  BOOST_TEST(read() == "abc");
  BOOST_TEST(read() == "abc");
  BOOST_TEST(read(at(1)) == "bc");
  BOOST_TEST(read(at(1), 1) == "b");
  BOOST_TEST(read(since(later)) == "c");
  BOOST_TEST(read(since(later - 1)) == "c");
  BOOST_TEST(read({StreamPosition::Kind::latest, 0, 0}).empty());
  BOOST_TEST(read(at(3)).empty());
  BOOST_TEST(read(at(4)) == "invalid_position");
  BOOST_TEST(read({}, 1, 1) == "invalid_argument");
}

BOOST_FIXTURE_TEST_CASE(a_read_says_how_far_behind_it_is, StreamFixture) {
  append({"a", "b", "c"});
  advance(5s);
  const auto batch = engine->read_stream(stream(), 0, {}, 1, 1 << 20, moment_of(clock), effects);
  BOOST_REQUIRE(batch.ok());
  BOOST_TEST(batch->next == 1U);
  BOOST_TEST(batch->behind == 2U);
  BOOST_TEST(batch->behind_ms == 5'000U);
}

BOOST_FIXTURE_TEST_CASE(two_groups_read_at_their_own_positions, StreamFixture) {
  append({"a", "b", "c"});
  const StreamBatch first = take(2);
  BOOST_TEST(bodies_of(first) == "ab");
  BOOST_TEST(checkpoint(first.lease, 2) == "ok");
  BOOST_TEST(take_bodies(2) == "c");
  BOOST_TEST(take_bodies(100, "audit") == "abc");
}

BOOST_FIXTURE_TEST_CASE(a_new_group_starts_at_the_oldest_record_or_with_what_comes_next, StreamFixture) {
  append({"a"});
  BOOST_TEST(take_bodies(1, "new", true).empty());
  append({"b"});
  BOOST_TEST(take_bodies(1, "new", true) == "b");
  BOOST_TEST(take_bodies(1, "all") == "a");
}

BOOST_FIXTURE_TEST_CASE(one_batch_of_a_partition_is_in_flight_per_group_so_order_holds, StreamFixture) {
  append({"a", "b"});
  const StreamBatch first = take(1);
  BOOST_TEST(take(1).count == 0U);
  BOOST_TEST(checkpoint(first.lease, 1) == "ok");
  BOOST_TEST(take_bodies(1) == "b");
}

BOOST_FIXTURE_TEST_CASE(members_of_a_group_compete_for_partitions, EngineFixture) {
  StreamAttributes attributes;
  attributes.name = "wide";
  attributes.partitions = 2;
  BOOST_REQUIRE(done(ask(DeclareStream{new_request(), attributes})));
  const StreamId wide = engine->find_stream("wide").value();
  const Body records[] = {{"a", checksum("a")}, {"b", checksum("b")}, {"c", checksum("c")}};
  const std::uint32_t partitions[] = {0, 1, 0};
  BOOST_REQUIRE(done(ask(AppendStream{new_request(), wide, records, partitions})));
  const auto take = [&] { return std::get<StreamBatch>(ask(TakeStream{new_request(), wide, "lake", 10, 1000, 30s, false})); };
  const StreamBatch one = take();
  const StreamBatch other = take();
  BOOST_TEST(one.count == 2U);
  BOOST_TEST(other.count == 1U);
  BOOST_TEST(one.lease.partition != other.lease.partition);
  BOOST_TEST(take().count == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_ran_out_is_taken_over_and_fences_its_old_holder, StreamFixture) {
  append({"a", "b"});
  const StreamBatch lost = take();
  advance(30s - 1ms);
  BOOST_TEST(take().count == 0U);
  advance(1ms);
  const StreamBatch again = take();
  BOOST_TEST(bodies_of(again) == "ab");
  BOOST_TEST(checkpoint(lost.lease, 2) == "stale_lease");
  BOOST_TEST(checkpoint(again.lease, 2) == "ok");
  BOOST_TEST(checkpoint(again.lease, 2) == "stale_lease");
}

BOOST_FIXTURE_TEST_CASE(a_batch_may_be_confirmed_in_parts_and_each_part_renews_the_lease, StreamFixture) {
  append({"a", "b", "c"});
  const StreamBatch batch = take();
  advance(20s);
  BOOST_TEST(checkpoint(batch.lease, 1) == "ok");
  advance(20s);
  BOOST_TEST(take().count == 0U);
  BOOST_TEST(checkpoint(batch.lease, 0) == "invalid_argument");
  BOOST_TEST(checkpoint(batch.lease, 4) == "invalid_argument");
  BOOST_TEST(checkpoint(batch.lease, 2, CheckpointStream::End::release) == "ok");
  BOOST_TEST(take_bodies() == "c");
}

BOOST_FIXTURE_TEST_CASE(a_restart_repeats_only_the_unconfirmed_batch_and_fences_its_holder, StreamFixture) {
  append({"a", "b"});
  checkpoint(take(1).lease, 1);
  const StreamBatch before = take(1);
  const std::string dump = engine->dump();
  restart();
  BOOST_TEST(engine->dump() == dump);
  BOOST_TEST(checkpoint(before.lease, 2) == "stale_lease");
  BOOST_TEST(take_bodies() == "b");
  BOOST_TEST(read() == "ab");
}

BOOST_FIXTURE_TEST_CASE(outputs_and_checkpoint_are_one_record, StreamFixture) {
  append({"a"});
  const StreamBatch batch = take();
  const Body output{"out", checksum("out")};
  const auto transact = [&] {
    const TransactionStep steps[] = {SendMessage{{}, queue(), std::span{&output, 1}, {}}, CheckpointStream{{}, batch.lease, 1}};
    return code(ask(Transact{new_request(), steps}));
  };
  const std::size_t records = log.records().size();
  BOOST_TEST(transact() == "ok");
  BOOST_TEST(log.records().size() == records + 1);
  BOOST_TEST(transact() == "stale_lease");
  BOOST_TEST(info().visible == 1U);
}

BOOST_FIXTURE_TEST_CASE(seeking_reads_again_and_ends_the_lease, StreamFixture) {
  append({"a", "b"});
  checkpoint(take().lease, 2);
  BOOST_TEST(take().count == 0U);
  const auto seek = [&](const StreamPosition& to) { return code(ask(SeekStream{new_request(), stream(), "lake", {}, to})); };
  BOOST_TEST(seek({}) == "ok");
  const StreamBatch again = take();
  BOOST_TEST(bodies_of(again) == "ab");
  BOOST_TEST(seek(at(1)) == "ok");
  BOOST_TEST(checkpoint(again.lease, 2) == "stale_lease");
  restart();
  BOOST_TEST(take_bodies() == "b");
  BOOST_TEST(seek(at(3)) == "invalid_position");
}

BOOST_FIXTURE_TEST_CASE(what_is_older_than_the_retention_is_gone_and_stays_gone, StreamFixture) {
  append({"a"});
  advance(1h);
  hello();
  append({"b"});
  advance(hours{23} - 1ms);
  BOOST_TEST(read() == "ab");
  advance(2s);
  BOOST_TEST(read() == "b");
  BOOST_TEST(read(at(0)) == "b");
  restart();
  BOOST_TEST(read(at(0)) == "b");
  hello();
  BOOST_TEST(take_bodies() == "b");
}

BOOST_FIXTURE_TEST_CASE(a_stream_with_max_bytes_keeps_the_newest, StreamFixture) {
  StreamAttributes attributes = positions();
  attributes.max_bytes = 3;
  declare_stream(attributes);
  append({"a", "b", "c"});
  BOOST_TEST(read() == "abc");
  append({"d"});
  BOOST_TEST(read() == "bcd");
  restart();
  BOOST_TEST(read() == "bcd");
}

BOOST_FIXTURE_TEST_CASE(a_record_that_fails_is_repeated_after_its_delay_and_then_diverted, PoisonFixture) {
  append({"a", "bad", "c"});
  const StreamBatch first = take();
  BOOST_TEST(checkpoint(first.lease, 1, CheckpointStream::End::failed, 5s) == "ok");
  BOOST_TEST(take().count == 0U);
  advance(5s);
  const StreamBatch second = take();
  BOOST_TEST(bodies_of(second) == "badc");
  BOOST_TEST(second.attempts == 1U);
  BOOST_TEST(checkpoint(second.lease, 1, CheckpointStream::End::failed) == "ok");
  BOOST_TEST(take_bodies() == "c");
  const auto dead = peek("positions-dead");
  BOOST_REQUIRE(dead.size() == 1U);
  BOOST_TEST(body_of(dead.front()) == "bad");
  BOOST_TEST(dead.front().reason == "no good");
  BOOST_TEST(dead.front().origin_queue == "positions");
  BOOST_TEST(read() == "abadc");
  check_accounts();
}

BOOST_FIXTURE_TEST_CASE(a_rejected_record_is_diverted_at_once, PoisonFixture) {
  append({"bad", "b"});
  BOOST_TEST(checkpoint(take().lease, 0, CheckpointStream::End::reject) == "ok");
  BOOST_TEST(take_bodies() == "b");
  BOOST_TEST(info("positions-dead").visible == 1U);
}

BOOST_FIXTURE_TEST_CASE(when_holders_vanish_the_batch_is_halved_until_the_record_to_blame_is_alone, PoisonFixture) {
  append({"bad", "b", "c", "d"});
  for (const std::size_t size : {4U, 2U, 1U, 1U}) {
    BOOST_TEST(take().count == size);
    advance(30s);
  }
  BOOST_TEST(take_bodies() == "bcd");
  BOOST_TEST(info("positions-dead").visible == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_publish_to_queue_and_stream_writes_the_body_once, StreamFixture) {
  const StreamTarget target{stream(), 0};
  const QueueId queues[] = {queue()};
  Publication publication{{"ride", checksum("ride")}, queues};
  publication.streams = std::span{&target, 1};
  BOOST_TEST(done(ask(PublishMessage{new_request(), std::span{&publication, 1}}))->count == 2U);
  BOOST_TEST(log.records().back().payload == "ride");
  BOOST_TEST(read() == "ride");
  BOOST_TEST(receive()->body == "ride");
}

BOOST_FIXTURE_TEST_CASE(expired_records_give_their_segments_back, TurningFixture) {
  for (int i = 0; i < 40; ++i) append({std::string(1000, 'x')});
  BOOST_TEST(log.segments() > 10U);
  advance(hours{25});
  log.truncate_before(engine->oldest_needed_segment());
  BOOST_TEST(log.segments() == 1U);
  restart();
  hello();
  BOOST_TEST(read().empty());
  BOOST_TEST(done(append({"new"}))->first == 40U);
}

BOOST_FIXTURE_TEST_CASE(an_old_record_is_copied_forward_and_pins_nothing, TurningFixture) {
  append({"old", "older"});
  checkpoint(take(1).lease, 1);
  for (int i = 0; i < 60; ++i) {
    send(std::string(1000, 'x'));
    delete_message(receive()->receipt_handle);
  }
  compact();
  BOOST_TEST(log.segments() < 10U);
  BOOST_TEST(read() == "oldolder");
  const std::string dump = engine->dump();
  restart();
  BOOST_TEST(engine->dump() == dump);
  BOOST_TEST(read(at(1)) == "older");
  BOOST_TEST(take_bodies() == "older");
  BOOST_TEST(done(append({"new"}))->first == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_deleted_stream_is_gone_and_its_name_may_be_used_again, StreamFixture) {
  append({"a"});
  BOOST_TEST(code(ask(DeleteStream{new_request(), stream(), false})) == "stream_not_empty");
  BOOST_TEST(code(ask(DeleteStream{new_request(), stream(), true})) == "ok");
  declare_stream(positions());
  restart();
  BOOST_TEST(read().empty());
}

BOOST_FIXTURE_TEST_CASE(what_a_stream_cannot_be_is_refused, StreamFixture) {
  const auto refused = [&](auto change) {
    StreamAttributes attributes = positions();
    change(attributes);
    return code(ask(DeclareStream{new_request(), attributes}));
  };
  BOOST_TEST(refused([](auto& a) { a.name = "rides"; }) == "invalid_attribute");
  BOOST_TEST(refused([](auto& a) { a.partitions = 2; }) == "invalid_attribute");
  BOOST_TEST(refused([](auto& a) { a.partitions = 0; }) == "invalid_attribute");
  BOOST_TEST(refused([](auto& a) { a.retention = 0s; }) == "invalid_attribute");
  BOOST_TEST(refused([](auto& a) { a.max_receives = 1; }) == "invalid_attribute");
  BOOST_TEST(code(ask(DeclareQueue{new_request(), plain("positions")})) == "invalid_attribute");
  const Body record{"a", checksum("a")};
  const std::uint32_t partition = 1;
  BOOST_TEST(code(ask(AppendStream{new_request(), stream(), std::span{&record, 1}, std::span{&partition, 1}})) ==
             "invalid_argument");
  BOOST_TEST(code(ask(AppendStream{new_request(), 9, std::span{&record, 1}, std::span{&partition, 1}})) == "no_such_stream");
}

// --- takes that wait

BOOST_FIXTURE_TEST_CASE(a_take_that_waits_is_answered_by_the_next_append, WaitingFixture) {
  wait_for_records("lake");
  BOOST_TEST(replies() == 0U);
  append_quietly("a");
  BOOST_TEST(answered_bodies() == "a");
  advance(20s);
  BOOST_TEST(replies() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_take_that_waits_in_vain_is_answered_empty_at_its_time, WaitingFixture) {
  wait_for_records("lake", 20s);
  advance(20s - 1ms);
  BOOST_TEST(replies() == 0U);
  BOOST_TEST((engine->next_deadline().value() == clock.now() + 1ms));
  advance(1ms);
  BOOST_REQUIRE(replies() == 1U);
  BOOST_TEST(answered_bodies().empty());
}

BOOST_FIXTURE_TEST_CASE(takes_of_a_group_are_served_in_the_order_in_which_they_came, WaitingFixture) {
  wait_for_records("lake");
  const std::uint64_t first = request;
  wait_for_records("lake");
  append_quietly("a");
  BOOST_REQUIRE(replies() == 1U);
  BOOST_TEST(effects.replies.front().request == first);
  // A late one does not overtake, even if there is something to take at once.
  append_quietly("b");
  BOOST_TEST(replies() == 0U);  // the partition is held by the first
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_ends_wakes_who_waits, WaitingFixture) {
  append({"a", "b"});
  const StreamBatch held = take(1);
  wait_for_records("lake");
  BOOST_TEST(replies() == 0U);
  tell(CheckpointStream{new_request(), held.lease, 1});
  BOOST_REQUIRE(effects.replies.size() == 2U);
  BOOST_TEST(bodies_of(std::get<StreamBatch>(effects.replies.back().answer)) == "b");
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_runs_out_wakes_who_waits, WaitingFixture) {
  append({"a"});
  take();
  wait_for_records("lake", 60s);
  BOOST_TEST((engine->next_deadline().value() <= clock.now() + 30s));
  advance(30s);
  BOOST_TEST(answered_bodies() == "a");
}

BOOST_FIXTURE_TEST_CASE(a_pause_after_a_failure_ends_for_who_waits, WaitingFixture) {
  append({"a"});
  checkpoint(take().lease, 0, CheckpointStream::End::failed, 5s);
  wait_for_records("lake");
  advance(5s);
  BOOST_TEST(answered_bodies() == "a");
}

BOOST_FIXTURE_TEST_CASE(other_groups_do_not_wait_for_this_one, WaitingFixture) {
  append({"a"});
  take();
  wait_for_records("lake");
  BOOST_TEST(take_bodies(100, "audit") == "a");
}

BOOST_FIXTURE_TEST_CASE(who_left_is_served_no_more, WaitingFixture) {
  wait_for_records("lake");
  tell(CancelReceives{client});
  append_quietly("a");
  BOOST_TEST(replies() == 0U);
  BOOST_TEST(take_bodies() == "a");
}

BOOST_FIXTURE_TEST_CASE(a_stream_that_is_deleted_is_waited_for_no_longer, WaitingFixture) {
  wait_for_records("lake");
  tell(DeleteStream{new_request(), stream(), true});
  BOOST_REQUIRE(effects.replies.size() == 2U);
  BOOST_TEST(code(effects.replies.back().answer) == "no_such_stream");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test

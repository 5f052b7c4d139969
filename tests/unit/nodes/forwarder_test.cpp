// The forwarder's core: one outbox and the broker that it leads to, with everything that can be killed in between.

#include <boost/test/unit_test.hpp>

#include <deque>
#include <string>
#include <vector>

#include "common/message.hpp"
#include "nodes/forwarder/route.hpp"

namespace remuda::forwarder {
namespace {

using namespace std::chrono_literals;

/// The outbox as its broker sees it: in order, each message with its sequence; and the other broker: what it stored, and the progress.
struct World {
  struct Message {
    std::uint64_t sequence;
    std::string id;
  };
  std::deque<Message> outbox;
  std::uint64_t next_sequence = 1;
  std::vector<std::string> dead_letters;
  std::vector<std::string> stored;
  std::uint64_t version = 0;
  std::string progress;
  std::string refuses_id;   ///< this one the other broker will never take
  std::string refuses_all;  ///< with this code
  std::size_t holds = SIZE_MAX;
  Instant now{};
  Route route;

  static std::string handle_of(std::uint64_t sequence) {
    std::string handle(8, 'h');
    for (int shift = 0; shift < 64; shift += 8) handle += static_cast<char>(sequence >> shift);
    return handle;
  }
  static Item item(const Message& message) {
    remuda::Message packed;
    packed.id = message.id;
    return item_of(handle_of(message.sequence), pack(packed));
  }

  void publish(const std::string& id) { outbox.push_back({next_sequence++, id}); }
  void publish_many(int count) {
    for (int i = 0; i < count; ++i) publish("ride-" + std::to_string(next_sequence));
  }

  /// What the other broker does with a transaction. Its answer may get lost on the way.
  Result<void> take(const Store& store) {
    if (!refuses_all.empty()) return fail(refuses_all, "not now");
    if (store.after != version) return fail("progress_moved", "somebody else has carried on");
    std::vector<std::string> ids;
    for (const Item& each : store.items) ids.push_back(unpack_message(each.packed).value().id);
    if (std::find(ids.begin(), ids.end(), refuses_id) != ids.end()) return fail("message_too_large", "a ton of bytes");
    if (stored.size() + ids.size() > holds) return fail("queue_full", "as many as it may hold");
    stored.insert(stored.end(), ids.begin(), ids.end());
    ++version;
    progress = store.progress;
    return {};
  }
  void remove(const std::vector<std::string>& handles) {
    std::erase_if(outbox, [&](const Message& each) {
      return std::find(handles.begin(), handles.end(), handle_of(each.sequence)) != handles.end();
    });
  }

  // --- one action carried out, with its answer
  void perform(const AskProgress&) { route.on_progress(std::pair{version, progress}, now); }
  void perform(const Receive& receive) {
    std::vector<Item> items;
    for (const Message& each : outbox) {
      if (items.size() < receive.max) items.push_back(item(each));
    }
    if (!items.empty()) route.on_received(std::move(items), now);  // else it waits
  }
  void perform(const Store& store) { route.on_stored(take(store), now); }
  void perform(const Delete& action) {
    remove(action.handles);
    route.on_deleted(std::vector<std::size_t>{}, now);
  }
  void perform(const Divert& divert) {
    for (const Message& each : outbox) {
      if (handle_of(each.sequence) == divert.handle) dead_letters.push_back(each.id + " because " + divert.reason);
    }
    remove({divert.handle});
    route.on_diverted({}, now);
  }
  void perform(const Release&) {}

  /// Carries out what is to be done, at most `steps` of it; answers how many there were.
  int run(int steps = 1'000) {
    int done = 0;
    while (done < steps) {
      const auto action = route.next(now);
      if (!action) break;
      ++done;
      std::visit([&](const auto& what) { perform(what); }, *action);
    }
    return done;
  }
  /// The next action, which must be of this kind, not carried out.
  template <class A>
  A next() {
    const auto action = route.next(now);
    BOOST_REQUIRE(action.has_value());
    BOOST_REQUIRE(std::holds_alternative<A>(*action));
    return std::get<A>(*action);
  }
  /// kill -9: whoever comes next knows nothing.
  void kill() { route = Route{}; }

  void stored_each_once(int count) {
    std::vector<std::string> expected;
    for (int i = 1; i <= count; ++i) expected.push_back("ride-" + std::to_string(i));
    BOOST_TEST(stored == expected, boost::test_tools::per_element());
  }
};

BOOST_FIXTURE_TEST_SUITE(forwarding, World)

BOOST_AUTO_TEST_CASE(what_waits_is_carried_over_in_order_and_leaves_the_outbox) {
  publish_many(3);
  run();
  stored_each_once(3);
  BOOST_TEST(outbox.empty());
  BOOST_TEST(version == 1U);
}

BOOST_AUTO_TEST_CASE(a_batch_is_bounded_by_number_and_by_size) {
  publish_many(1'300);
  run();
  stored_each_once(1'300);
  BOOST_TEST(version == 3U);  // 512, 512, 276
}

BOOST_AUTO_TEST_CASE(killed_between_the_confirmation_and_the_delete_it_stores_nothing_twice) {
  publish_many(3);
  run(3);  // progress, receive, store
  BOOST_TEST(stored.size() == 3U);
  BOOST_TEST(outbox.size() == 3U);
  kill();
  publish_many(2);
  run();
  stored_each_once(5);
  BOOST_TEST(outbox.empty());
}

BOOST_AUTO_TEST_CASE(killed_before_the_confirmation_came_it_stores_nothing_twice_either) {
  publish_many(3);
  run(2);
  BOOST_TEST(take(next<Store>()).ok());  // and then nobody is there to hear it
  kill();
  run();
  stored_each_once(3);
}

BOOST_AUTO_TEST_CASE(killed_after_every_single_step_each_message_arrives_once) {
  for (int steps = 1; steps <= 12; ++steps) {
    World world;
    world.publish_many(700);
    for (int kills = 0; kills < 60 && !world.outbox.empty(); ++kills) {
      world.run(steps < 3 && kills % 2 == 1 ? 5 : steps);
      world.kill();
    }
    world.run();
    world.stored_each_once(700);
    BOOST_TEST(world.outbox.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_transaction_of_a_dead_forwarder_that_arrives_late_does_nothing) {
  publish_many(3);
  run(2);
  const Store late = next<Store>();
  std::vector<Item> kept{late.items.begin(), late.items.end()};
  kill();
  run();
  BOOST_TEST(take({kept, late.after, late.progress}).error().code == "progress_moved");
  stored_each_once(3);
}

BOOST_AUTO_TEST_CASE(one_that_is_not_alone_finds_out_and_stores_nothing_twice) {
  publish_many(3);
  run(2);
  const Store store = next<Store>();
  ++version;  // another forwarder of the same outbox stored them meanwhile
  progress = store.progress;
  stored = {"ride-1", "ride-2", "ride-3"};
  route.on_stored(fail("progress_moved", "somebody else has carried on"), now);
  run();
  stored_each_once(3);
  BOOST_TEST(outbox.empty());
  BOOST_TEST(route.repeats() == 3U);
}

BOOST_AUTO_TEST_CASE(an_outcome_that_nobody_knows_is_found_out) {
  publish_many(2);
  run(2);
  const Store store = next<Store>();
  BOOST_TEST(take(store).ok());
  route.on_stored(fail_unknown("timed_out", "no answer"), now);
  now += Route::pause_max;
  run();
  stored_each_once(2);
}

BOOST_AUTO_TEST_CASE(an_outbox_that_was_begun_anew_is_not_taken_for_the_old_one) {
  publish_many(3);
  run(3);  // stored, not deleted
  outbox.clear();
  next_sequence = 1;  // its broker lost its data folder
  for (const char* id : {"new-1", "new-2", "new-3"}) publish(id);
  kill();
  run();
  BOOST_TEST(stored.size() == 6U);
  BOOST_TEST(stored.back() == "new-3");
}

BOOST_AUTO_TEST_CASE(a_full_queue_is_waited_for_and_nothing_becomes_a_dead_letter) {
  publish_many(2);
  for (const char* code : {"queue_full", "storage_full", "no_such_queue", "no_such_stream", "forbidden"}) {
    refuses_all = code;
    for (int i = 0; i < 20; ++i) {
      run();
      BOOST_TEST(route.trouble().find(code) == 0U);
      BOOST_TEST(!route.next(now).has_value());
      BOOST_TEST((route.next_deadline() - now <= Route::pause_max));
      now = route.next_deadline();
    }
  }
  refuses_all.clear();
  run();
  stored_each_once(2);
  BOOST_TEST(route.trouble().empty());
  BOOST_TEST(dead_letters.empty());
}

BOOST_AUTO_TEST_CASE(a_queue_with_little_room_gets_as_much_as_there_is_room_for) {
  publish_many(100);
  for (std::size_t room : {3U, 10U, 100U}) {
    holds = room;
    run();
    BOOST_TEST(stored.size() == room);
    now += Route::pause_max;
  }
  stored_each_once(100);
}

BOOST_AUTO_TEST_CASE(what_can_never_be_taken_is_found_among_the_others_and_becomes_a_dead_letter_of_the_outbox) {
  publish_many(300);
  refuses_id = "ride-200";
  publish_many(300);
  run();
  BOOST_REQUIRE_EQUAL(dead_letters.size(), 1U);
  BOOST_TEST(dead_letters.front() == "ride-200 because message_too_large: a ton of bytes");
  BOOST_TEST(stored.size() == 599U);
  BOOST_TEST(std::is_sorted(stored.begin(), stored.end(),
                            [](const auto& a, const auto& b) { return std::stoi(a.substr(5)) < std::stoi(b.substr(5)); }));
  BOOST_TEST(outbox.empty());
}

BOOST_AUTO_TEST_CASE(a_delete_that_is_refused_is_no_reason_to_send_again) {
  publish_many(2);
  run(3);
  BOOST_TEST(next<Delete>().handles.size() == 2U);
  route.on_deleted(std::vector<std::size_t>{0, 1}, now);  // somebody had a look at them meanwhile
  run();
  stored_each_once(2);
  BOOST_TEST(outbox.empty());
}

BOOST_AUTO_TEST_CASE(what_is_stored_is_remembered_until_its_delete_is_confirmed) {
  publish_many(1);
  run(3);
  const Delete first = next<Delete>();
  BOOST_TEST(next<Receive>().max == Route::batch_max);  // asked for at once
  remove(first.handles);
  publish("ride-2");
  std::vector<Item> second{item(outbox.front())};
  route.on_received(second, now);
  BOOST_TEST(!route.next(now).has_value());  // the delete may still be undone by a loss of power
  route.on_deleted(std::vector<std::size_t>{}, now);
  const Store store = next<Store>();
  BOOST_TEST(parse_progress(store.progress).value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_drain_finishes_what_is_under_way_and_gives_the_rest_back) {
  publish_many(3);
  refuses_all = "queue_full";
  run();
  route.drain();
  BOOST_TEST(next<Release>().handles.size() == 3U);
  BOOST_TEST(route.idle());
  BOOST_TEST(!route.next(now + 1h).has_value());
}

BOOST_AUTO_TEST_CASE(a_drain_does_not_wait_for_a_broker_that_is_away) {
  publish_many(3);
  run(2);
  BOOST_TEST(next<Store>().items.size() == 3U);
  route.drain();
  BOOST_TEST(!route.idle());
  BOOST_TEST(!route.next(now).has_value());
  route.give_up_asking();
  BOOST_TEST(next<Release>().handles.size() == 3U);
  BOOST_TEST(route.idle());
}

BOOST_AUTO_TEST_CASE(progress_is_read_back_and_nothing_else_is) {
  const std::vector<Key> keys{{1, 2}, {UINT64_MAX, 7}};
  BOOST_TEST((parse_progress(progress_text(keys)).value() == keys));
  BOOST_TEST(parse_progress("").value().empty());
  for (const std::string& text : {std::string{"\x02"}, std::string{"\x01 short"}, std::string(16, '\x01')})
    BOOST_TEST(parse_progress(text).error().code == "malformed_progress");
  progress = "\x02 of a newer forwarder";
  version = 4;
  publish_many(1);
  run();
  BOOST_TEST(route.trouble().find("malformed_progress") == 0U);
  BOOST_TEST(stored.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace remuda::forwarder

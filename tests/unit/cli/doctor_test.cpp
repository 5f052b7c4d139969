// What remuda doctor thinks of measurements, on both sides of every boundary.

#include "cli/doctor.hpp"

#include <boost/test/unit_test.hpp>

using namespace remuda::cli;
using namespace std::chrono_literals;
using Verdict = Finding::Verdict;

namespace {

constexpr std::uint64_t mebibyte = 1U << 20U;

Verdict of_disk(std::uint64_t free_bytes, bool in_memory = false, std::chrono::microseconds sync = 200us,
                const std::string& trouble = {}) {
  const Finding finding = judge_disk({"/data", trouble, free_bytes, in_memory, sync});
  BOOST_TEST(finding.remedy.empty() == (finding.verdict == Verdict::good));
  return finding.verdict;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(doctor)

BOOST_AUTO_TEST_CASE(few_descriptors_are_a_problem_and_some_a_warning) {
  BOOST_TEST(judge_descriptors(64, 255).verdict == Verdict::problem);
  BOOST_TEST(judge_descriptors(64, 256).verdict == Verdict::warning);
  BOOST_TEST(judge_descriptors(1024, 4095).verdict == Verdict::warning);
  BOOST_TEST((judge_descriptors(1024, 4096) ==
              Finding{"limits", Verdict::good, "a process may open 1024 files and connections, and ask for up to 4096", ""}));
}

BOOST_AUTO_TEST_CASE(a_clock_that_nobody_corrects_is_a_warning) {
  BOOST_TEST(judge_clock(false, 0us).verdict == Verdict::warning);
  BOOST_TEST(judge_clock(true, 500ms).verdict == Verdict::good);
  BOOST_TEST(judge_clock(true, 500ms + 1us).verdict == Verdict::warning);
}

BOOST_AUTO_TEST_CASE(a_disk_must_be_writable_have_room_last_and_be_quick) {
  BOOST_TEST(of_disk(4096 * mebibyte) == Verdict::good);
  BOOST_TEST(of_disk(4096 * mebibyte, false, 200us, "Permission denied") == Verdict::problem);
  BOOST_TEST(of_disk(256 * mebibyte - 1) == Verdict::problem);
  BOOST_TEST(of_disk(256 * mebibyte) == Verdict::warning);
  BOOST_TEST(of_disk(2048 * mebibyte) == Verdict::good);
  BOOST_TEST(of_disk(4096 * mebibyte, true) == Verdict::warning);
  BOOST_TEST(of_disk(4096 * mebibyte, false, 20ms) == Verdict::good);
  BOOST_TEST(of_disk(4096 * mebibyte, false, 20ms + 1us) == Verdict::warning);
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_told_with_the_reason) {
  BOOST_TEST(judge_port("tcp://127.0.0.1:5550", "").verdict == Verdict::good);
  const Finding taken = judge_port("tcp://127.0.0.1:5550", "another process listens there");
  BOOST_TEST(taken.verdict == Verdict::problem);
  BOOST_TEST(taken.what == "a queue node could not listen on tcp://127.0.0.1:5550: another process listens there");
}

BOOST_AUTO_TEST_SUITE_END()

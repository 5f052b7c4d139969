#include <boost/test/unit_test.hpp>
#include <set>

#include "nodes/unicorn_fleet/fleet_report.hpp"
#include "nodes/unicorn_fleet/ride_source.hpp"

using namespace remuda::rides;

BOOST_AUTO_TEST_SUITE(fleet)

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_rides) {
  const MadeRides one{.seed = 1};
  const MadeRides two{.seed = 2};
  std::set<std::string> different;
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(make_planned_ride(one, i).json == make_planned_ride(one, i).json);
    different.insert(make_planned_ride(one, i).json);
    different.insert(make_planned_ride(two, i).json);
  }
  BOOST_TEST(different.size() > 150U);
}

BOOST_AUTO_TEST_CASE(every_made_ride_is_a_right_one) {
  for (int i = 0; i < 10'000; ++i) BOOST_REQUIRE_MESSAGE(make_planned_ride({}, i).ride.has_value(), make_planned_ride({}, i).json);
}

BOOST_AUTO_TEST_CASE(the_corners_of_the_filter_are_among_the_rides) {
  BOOST_TEST(is_extraordinary(*make_planned_ride({}, 0).ride));
  for (const int corner : {5, 10, 15}) BOOST_TEST(!is_extraordinary(*make_planned_ride({}, corner).ride));
  BOOST_TEST(make_planned_ride({}, 10).ride->distance.text() == "19.999");
  BOOST_TEST(make_planned_ride({}, 5).ride->fare.text() == "49.99");
}

BOOST_AUTO_TEST_CASE(each_so_manieth_ride_is_poison) {
  const MadeRides rides{.poison_every = 10};
  BOOST_TEST(make_planned_ride(rides, 8).ride->customer != "poison");
  BOOST_TEST(make_planned_ride(rides, 9).ride->customer == "poison");
}

BOOST_AUTO_TEST_CASE(a_report_says_whether_all_went_well) {
  FleetReport report;
  report.rides = 2;
  BOOST_TEST(report.exit_code() == 1);
  report.accepted = 1;
  BOOST_TEST(report.exit_code() == 3);
  report.accepted = 2;
  BOOST_TEST(report.exit_code() == 0);
}

BOOST_AUTO_TEST_CASE(percentiles_are_values_that_were_measured) {
  std::vector<std::uint32_t> values;
  BOOST_TEST(percentile(values, 0.5) == 0U);
  for (std::uint32_t i = 100; i > 0; --i) values.push_back(i);
  BOOST_TEST(percentile(values, 0.5) == 50U);
  BOOST_TEST(percentile(values, 0.99) == 99U);
  BOOST_TEST(percentile(values, 1) == 100U);
}

BOOST_AUTO_TEST_CASE(progress_fits_80_columns) {
  const auto line = progress_line(1'999'999, 2'000'000, 12, std::chrono::seconds{100});
  BOOST_TEST(line == "[###################-]  99 %  1999999/2000000 rides  20000 rides/s  retries 12");
  BOOST_TEST(line.size() < 80U);
  BOOST_TEST(progress_line(0, 0, 0, {}) == "[####################] 100 %  0/0 rides  0 rides/s  retries 0");
}

BOOST_AUTO_TEST_CASE(a_summary_has_exact_sums) {
  FleetReport report;
  report.accepted = report.rides = 2;
  report.fares = Money{29};
  BOOST_TEST(summary_json(report).find("\"fares\":0.29,") != std::string::npos);
  BOOST_TEST(summary_text(report).find("0.29") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

#pragma once
// Customer loyalty: one point for each whole unit of fare, ride by ride (a fare of 256.50 earns 256 points, one of 0.99 none).
//
// GET /customers/{customer}/loyalty answers {"customer", "points", "rides"}.

#include "nodes/wild_rydes/ride_service.hpp"

namespace remuda::rides {

class CustomerLoyalty final : public RideService {
 public:
  CustomerLoyalty();

 private:
  Statement earn_;
  Statement account_;
  Statement totals_;

  void prepare(Database& database) override;
  void record(const Ride& ride) override;
  Message answer(const http::RoutedRequest& question) override;
  std::string totals_json() override;
};

}  // namespace remuda::rides

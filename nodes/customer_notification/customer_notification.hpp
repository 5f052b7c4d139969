#pragma once
// Customer notification: writes the customer one notification for each completed ride.
//
// GET /customers/{customer}/notifications answers {"notifications": [{"number", "ride", "text"}], "links"}, oldest first, in pages
// (`after`, `limit`; `links.next` while there may be more).

#include "nodes/wild_rydes/ride_service.hpp"

namespace remuda::rides {

class CustomerNotification final : public RideService {
 public:
  CustomerNotification();

 private:
  Statement notify_;
  Statement list_;
  Statement totals_;

  void prepare(Database& database) override;
  void record(const Ride& ride) override;
  Message answer(const http::RoutedRequest& question) override;
  std::string totals_json() override;
};

}  // namespace remuda::rides

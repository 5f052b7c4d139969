#include "common/node.hpp"
#include "nodes/customer_campaign/customer_campaign.hpp"

int main(int argc, char** argv) {
  remuda::rides::CustomerCampaign node;
  return remuda::run_node(node, argc, argv);
}

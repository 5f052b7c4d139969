#include "common/node.hpp"
#include "nodes/data_lake_ingestion/data_lake_ingestion.hpp"

int main(int argc, char** argv) {
  remuda::rides::DataLakeIngestion node;
  return remuda::run_node(node, argc, argv);
}

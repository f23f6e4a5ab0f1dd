// apps/ba_report.h — what a run of bundle adjustment did: a summary for people, pictures, and JSON.
#pragma once
#include <string>

#include "bundle/optimise.h"
#include "json.h"

namespace pipit {

struct BaReport {
  std::string file, precision, robust;
  BundleOptions options;
  double seconds_read = 0;
  Scene start, end = {};
  BundleSummary summary = {};

  /// Several lines, each a thing a person wants to know.
  std::string in_words() const;
  /// The fields that README lists; numbers that are not finite are null.
  Json as_json() const;
  std::string pictures(bool html) const;
};

}  // namespace pipit

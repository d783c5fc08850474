// SPDX-License-Identifier: Apache-2.0
//
// The words by which command line and reports know the options.
#pragma once

#include <map>
#include <string>

#include "options.h"

namespace turnpike::load {

template <class T>
using Names = std::map<std::string, T>;

inline const Names<Direction> kDirections{{"to-peer", Direction::kToPeer},
                                          {"to-client", Direction::kToClient},
                                          {"hairpin", Direction::kHairpin},
                                          {"forward", Direction::kForward},
                                          {"forward-fib", Direction::kForwardFib}};
inline const Names<Framing> kFramings{{"channel", Framing::kChannel}, {"indication", Framing::kIndication}};
inline const Names<Pairs> kPairs{{"alike", Pairs::kAlike}, {"mixed", Pairs::kMixed}};
inline const Names<Profile> kProfiles{{"fixed", Profile::kFixed}, {"mixed", Profile::kMixed}};

template <class T>
std::string name_in(const Names<T>& names, T value) {
  for (const auto& [name, named] : names)
    if (named == value) return name;
  return {};
}

inline std::string name_of(Direction value) {
  return name_in(kDirections, value);
}
inline std::string name_of(Framing value) {
  return name_in(kFramings, value);
}
inline std::string name_of(Pairs value) {
  return name_in(kPairs, value);
}
inline std::string name_of(Profile value) {
  return name_in(kProfiles, value);
}

}  // namespace turnpike::load

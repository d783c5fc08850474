// SPDX-License-Identifier: Apache-2.0
//
// Checks that need more than one key. Each adds its faults to the draft.
#pragma once

#include "config/draft.h"

namespace turnpike::config {

// To be called once all keys are read. Also gives relay.external its local addresses.
void check_together(Draft& draft);

}  // namespace turnpike::config

#pragma once

// All that there is: the families, their options and what makes them. A file
// that only asks for networks is compiled sooner with models/make_model.h.

#include "models/classifier.h"
#include "models/families.h"
#include "models/make_model.h"
#include "models/model_options.h"

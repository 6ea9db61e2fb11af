#pragma once

// The modules of every family: what a family adds its header to.

#include "models/conv_net.h"
#include "models/densenet.h"
#include "models/dpn.h"
#include "models/preact_resnet.h"
#include "models/resnet.h"

// Everything an application needs: load a data set, train a method, label new samples, cluster, score. Every header
// below it can be included on its own; #include <parallax/parallax.h> is spelled the same in the build tree and after
// installation.
#pragma once
#include "cluster/kmeans.h"
#include "cluster/label_free.h"
#include "cluster/metrics.h"
#include "io/load.h"
#include "io/npy.h"
#include "mvc/fit.h"
#include "mvc/method.h"
#include "tensor/context.h"
#include "tensor/error.h"
#include "tensor/log.h"

// All of mabeam's public API in one include.
#pragma once

#include "mabeam/agent.hpp"
#include "mabeam/breaker.hpp"
#include "mabeam/client.hpp"
#include "mabeam/context.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"
#include "mabeam/observer.hpp"
#include "mabeam/payload.hpp"
#include "mabeam/result.hpp"
#include "mabeam/task.hpp"
#include "mabeam/trace.hpp"
#include "mabeam/version.hpp"

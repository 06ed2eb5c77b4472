// MABEAM_API marks what libmabeam exports; everything else in it is hidden.
#pragma once

#define MABEAM_API __attribute__((visibility("default")))

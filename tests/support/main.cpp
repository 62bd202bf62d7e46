// Catch2's main, for a Catch2 that comes without its library.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

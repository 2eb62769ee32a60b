# Every dependency of Skipjack, in one place: minimum version and the reason it is here.
# All come from the system by find_package; nothing is downloaded while configuring.
find_package(Threads REQUIRED)
# JSON text, with the NaN and Infinity that Python's json prints; header-only, private to base.
find_package(RapidJSON 1.1 REQUIRED)
# Search spaces and experiments as people write them.
find_package(yaml-cpp 0.7 REQUIRED)
# Arithmetic in constraints between parameters.
find_package(PkgConfig REQUIRED)
pkg_check_modules(muparser REQUIRED IMPORTED_TARGET muparser>=2.3)
# Dense linear algebra of the models; private to model.
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
# Bounded optimisation: MAP fits and acquisition maximisation; private to model.
find_package(NLopt 2.7 REQUIRED)
# The journal.
find_package(SQLite3 3.40 REQUIRED)
# HTTP through proxies, for the download engine.
find_package(CURL 7.88 REQUIRED)
# HMAC and digests for request signing; TLS of the download engine.
find_package(OpenSSL 3.0 REQUIRED)
# Writes of the download engine without a thread for them, where the kernel allows that.
pkg_check_modules(liburing REQUIRED IMPORTED_TARGET liburing>=2.3)
# S3's XML answers.
find_package(pugixml 1.13 REQUIRED)
# Heads and chunked bodies: answers of the download engine, requests of the S3-compatible server.
find_path(HTTP_PARSER_INCLUDE_DIR http_parser.h REQUIRED)
find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)
if(NOT TARGET http_parser::http_parser)
  add_library(http_parser::http_parser UNKNOWN IMPORTED)
  set_target_properties(http_parser::http_parser PROPERTIES
    IMPORTED_LOCATION ${HTTP_PARSER_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${HTTP_PARSER_INCLUDE_DIR})
endif()
# Benchmark tables are gzip files.
find_package(ZLIB 1.2 REQUIRED)
# Quantiles of the normal, Student's t and F distributions in verdicts; header-only, private to s3tune.
find_package(Boost 1.74 REQUIRED CONFIG)
# The command line.
find_package(CLI11 2.1 REQUIRED)
if(SKIPJACK_BUILD_TESTS)
  # Unit tests.
  find_package(GTest 1.12 REQUIRED)
endif()

# skipjack_add_module(NAME SOURCES ... DEPENDS modules... LINK libraries...)
#   A static library skipjack_NAME (alias skipjack::NAME) from src/skipjack/NAME. DEPENDS are the
#   modules it may include; scripts/check-layers reads the same edges. LINK libraries are private
#   unless listed after PUBLIC_LINK.
add_library(skipjack_warnings INTERFACE)
target_compile_options(skipjack_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers  # designated initialisers leave out what has its default
  # GCC 12 sees both in inlined std::string and std::variant code where there is nothing [GCC bugs 105651, 105593].
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<BOOL:${SKIPJACK_WERROR}>:-Werror>)

if(SKIPJACK_SANITIZE)
  add_compile_options(-fsanitize=${SKIPJACK_SANITIZE} -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # RapidJSON's stack adds an offset to a null pointer before its first allocation.
    add_compile_options(-fno-sanitize=pointer-overflow)
  elseif(SKIPJACK_SANITIZE MATCHES "address")
    # GCC checks both at every access to a member, which doubles the time of a build. The address sanitizer ends at a
    # null pointer too; alignment is checked by Clang where bytes are parsed, in the fuzz targets.
    add_compile_options(-fno-sanitize=null,alignment)
  endif()
  add_link_options(-fsanitize=${SKIPJACK_SANITIZE})
endif()

function(skipjack_add_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK;PUBLIC_LINK" ${ARGN})
  set(target skipjack_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(skipjack::${name} ALIAS ${target})
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
    EXPORT_NAME ${name})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:skipjack_warnings>)
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(${target} PUBLIC skipjack_${dependency})
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARG_LINK} PUBLIC ${ARG_PUBLIC_LINK})
  set_property(GLOBAL APPEND PROPERTY SKIPJACK_MODULES ${target})
endfunction()

# skipjack_add_test(NAME SOURCES ... DEPENDS modules... [LABEL name] [TIMEOUT s] [SERIAL])
#   One GoogleTest executable NAME_test, registered with ctest case by case. SERIAL: no other
#   test runs beside it, because it measures time.
include(GoogleTest)
# What carries the label threads: all that the thread sanitizer's run needs built.
add_custom_target(thread_tests)
function(skipjack_add_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;LABEL" "SOURCES;DEPENDS;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
  set_target_properties(${name}_test PROPERTIES CXX_EXTENSIONS OFF)
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(${name}_test PRIVATE skipjack_${dependency})
  endforeach()
  target_link_libraries(${name}_test PRIVATE skipjack_warnings ${ARG_LINK} GTest::gmock GTest::gtest_main)
  if(ARG_LABEL STREQUAL "threads")
    add_dependencies(thread_tests ${name}_test)
  endif()
  set(properties TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_SERIAL})
  if(ARG_LABEL)
    list(APPEND properties LABELS ${ARG_LABEL})
  endif()
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()

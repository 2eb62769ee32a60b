// Environment variables, as a function that tests replace. Nothing else of this folder reads them.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace skipjack::s3 {

/// Reads one variable: nullopt if it is unset.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;
/// The variables of this process.
EnvironmentLookup process_environment();

/// Empty taken as unset.
std::optional<std::string> non_empty(const EnvironmentLookup& environment, const std::string& name);

/// "true" and "false" in any case. Throws InvalidArgument naming the setting for anything else.
bool parse_flag(const std::string& name, const std::string& value);

/// The proxy for a URL of http or https as curl, Python and others read it from https_proxy,
/// http_proxy, all_proxy and no_proxy, in lower or upper case; empty for none. HTTP_PROXY is not
/// read where it may come from a web server's visitor (REQUEST_METHOD is set). no_proxy names hosts
/// with all below them, addresses, networks ("10.0.0.0/8"), and "*".
std::string proxy_for(const std::string& url, const EnvironmentLookup& environment);

}  // namespace skipjack::s3

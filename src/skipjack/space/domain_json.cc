// The JSON form of domains: Syne Tune's {"domain_cls", "domain_kwargs", "sampler_cls",
// "sampler_kwargs"}, read and written.
// Deviation: Syne Tune reads a reverse logarithmic domain back as a logarithmic one and can't write
// quantised ones. Here both survive; a quantised domain is its base with
//   "sampler_cls": "Quantized", "sampler_kwargs": {"q": 0.5, "sampler_cls": ..., "sampler_kwargs":
//   ...}
#include <cmath>
#include <numbers>

#include "skipjack/base/invalid.h"
#include "skipjack/space/domain.h"

namespace skipjack {
namespace {

struct Sampler {
  Scale scale = Scale::Linear;
  std::optional<double> quantum;
};

Json object(std::string_view name, Json kwargs, std::string_view sampler = {},
            Json sampler_kwargs = {}) {
  Json json;
  json.set("domain_cls", Json(name));
  json.set("domain_kwargs", std::move(kwargs));
  if (!sampler.empty()) {
    json.set("sampler_cls", Json(sampler));
    json.set("sampler_kwargs", std::move(sampler_kwargs));
  }
  return json;
}

template <class Bound>
Json bounds(Bound lower, Bound upper) {
  return Json(Json::Object{{"lower", Json(lower)}, {"upper", Json(upper)}});
}

void set_sampler(Json& json, Scale scale) {
  Json kwargs{Json::Object{}};
  if (scale == Scale::Log) kwargs.set("base", Json(std::numbers::e));
  json.set("sampler_cls", Json(scale == Scale::Linear ? "Uniform"
                               : scale == Scale::Log  ? "LogUniform"
                                                      : "ReverseLogUniform"));
  json.set("sampler_kwargs", std::move(kwargs));
}

Json form_of(const FloatDomain& domain) {
  Json json = object("Float", bounds(domain.lower, domain.upper));
  set_sampler(json, domain.scale);
  return json;
}

Json form_of(const IntegerDomain& domain) {
  Json json = object("Integer", bounds(domain.lower, domain.upper));
  set_sampler(json, domain.scale);
  return json;
}

Json form_of(const FiniteRangeDomain& domain) {
  Json kwargs = bounds(domain.lower, domain.upper);
  kwargs.set("log_scale", Json(domain.scale == Scale::Log));
  kwargs.set("cast_int", Json(domain.type == ValueType::Integer));
  kwargs.set("size", Json(domain.size));
  return object("FiniteRange", std::move(kwargs));
}

Json form_of(const CategoricalDomain& domain) {
  return object("Categorical", Json(Json::Object{{"categories", Json(domain.categories)}}),
                "Uniform", Json(Json::Object{}));
}

Json form_of(const OrdinalDomain& domain) {
  Json kwargs(Json::Object{{"categories", Json(domain.categories)}});
  if (domain.kind == OrdinalKind::Equal)
    return object("Ordinal", std::move(kwargs), "Uniform", Json(Json::Object{}));
  kwargs.set("log_scale", Json(domain.kind == OrdinalKind::NearestNeighborLog));
  return object("OrdinalNearestNeighbor", std::move(kwargs));
}

Json form_of(const QuantizedDomain& domain) {
  Json json = std::visit([](const auto& base) { return form_of(base); }, domain.base);
  Json kwargs;
  kwargs.set("q", Json(domain.quantum));
  kwargs.set("sampler_cls", json.at("sampler_cls"));
  kwargs.set("sampler_kwargs", json.at("sampler_kwargs"));
  json.set("sampler_cls", Json("Quantized"));
  json.set("sampler_kwargs", std::move(kwargs));
  return json;
}

Scale scale_from(const Json* name) {
  if (name == nullptr) return Scale::Linear;
  const std::string& text = name->as_string();
  if (text == "Uniform") return Scale::Linear;
  if (text == "LogUniform") return Scale::Log;
  if (text == "ReverseLogUniform") return Scale::ReverseLog;
  invalid("sampler_cls = '" + text + "' is unknown",
          "use Uniform, LogUniform, ReverseLogUniform or Quantized");
}

Sampler sampler_from(const Json& json) {
  const Json* name = json.find("sampler_cls");
  if (name == nullptr || name->as_string() != "Quantized") return {scale_from(name), std::nullopt};
  const Json& kwargs = json.at("sampler_kwargs");
  return {scale_from(kwargs.find("sampler_cls")), kwargs.at("q").as_double()};
}

std::int64_t rounded(const Json& value, const char* name) {
  const double number = value.as_double();
  if (!(std::abs(number) <= 0x1.0p53))
    invalid(std::string(name) + " = " + to_json_text(value) + " must be in [-2^53, 2^53]");
  return static_cast<std::int64_t>(std::nearbyint(number));
}

bool flag(const Json& kwargs, const char* name) {
  const Json* value = kwargs.find(name);
  return value != nullptr && value->as_bool();
}

Domain with_quantum(Domain base, const std::optional<double>& quantum) {
  if (!quantum) {
    validate(base);
    return base;
  }
  return quantized(std::move(base), *quantum);
}

}  // namespace

Json to_json(const Domain& domain) {
  return std::visit([](const auto& kind) { return form_of(kind); }, domain);
}

Domain domain_from_json(const Json& json) {
  const std::string& name = json.at("domain_cls").as_string();
  const Json& kwargs = json.at("domain_kwargs");
  if (name == "Float") {
    const Sampler sampler = sampler_from(json);
    return with_quantum(
        FloatDomain{kwargs.at("lower").as_double(), kwargs.at("upper").as_double(), sampler.scale},
        sampler.quantum);
  }
  if (name == "Integer") {
    const Sampler sampler = sampler_from(json);
    return with_quantum(IntegerDomain{rounded(kwargs.at("lower"), "lower"),
                                      rounded(kwargs.at("upper"), "upper"), sampler.scale},
                        sampler.quantum);
  }
  if (name == "FiniteRange") {
    const ValueType type = flag(kwargs, "cast_int") ? ValueType::Integer : ValueType::Float;
    const auto make = flag(kwargs, "log_scale") ? log_fin_range : fin_range;
    return make(kwargs.at("lower").as_double(), kwargs.at("upper").as_double(),
                rounded(kwargs.at("size"), "size"), type);
  }
  if (name == "Categorical") return choice(kwargs.at("categories").as_array());
  if (name == "Ordinal") return ordinal(kwargs.at("categories").as_array(), OrdinalKind::Equal);
  if (name == "OrdinalNearestNeighbor")
    return ordinal(kwargs.at("categories").as_array(), flag(kwargs, "log_scale")
                                                           ? OrdinalKind::NearestNeighborLog
                                                           : OrdinalKind::NearestNeighbor);
  invalid("domain_cls = '" + name + "' is unknown",
          "use Float, Integer, Categorical, Ordinal, OrdinalNearestNeighbor or FiniteRange");
}

}  // namespace skipjack

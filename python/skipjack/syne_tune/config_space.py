"""Domains with the attributes that Syne Tune's have, around Skipjack's own."""

import sys

from .. import _core


def _random_seed(random_state=None):
    """From random_state, or from numpy's generator where a launcher has loaded (and seeded) it."""
    numpy = sys.modules.get("numpy")
    if random_state is None and numpy is None:
        import random

        return random.getrandbits(31)
    return int((random_state or numpy.random).randint(2**31 - 1))


class Domain:
    """Values of a parameter. lower and upper, or categories, as the kind has them."""

    def __init__(self, domain):
        self._domain = domain
        self._kind = domain.to_dict()
        for name, value in self._kind["domain_kwargs"].items():
            setattr(self, name, value)

    @property
    def value_type(self):
        return type(self._domain.midpoint())

    def sample(self, spec=None, size=1, random_state=None):
        """One random value, or a list of size."""
        seed = _random_seed(random_state)
        drawn = [self._domain.sample(seed, number) for number in range(size)]
        return drawn[0] if size == 1 else drawn

    def cast(self, value):
        return self._domain.cast(value)

    def is_valid(self, value):
        return self._domain.contains(value)

    def match_string(self, value):
        return str(value)

    def __len__(self):
        """Number of values; 0 where they are not countable."""
        return self._domain.cardinality() or 0

    def __bool__(self):
        return True

    def __eq__(self, other):
        return isinstance(other, Domain) and self._domain == other._domain

    def __hash__(self):
        return hash(self._domain)

    def __repr__(self):
        return repr(self._domain)

    def __reduce__(self):
        return from_dict, (self._kind,)


class Float(Domain):
    pass


class Integer(Domain):
    pass


class Categorical(Domain):
    pass


class Ordinal(Categorical):
    pass


class OrdinalNearestNeighbor(Ordinal):
    pass


class FiniteRange(Domain):
    @property
    def values(self):
        return [self._domain.value_at(index) for index in range(len(self))]


_CLASSES = {kind.__name__: kind for kind in (Float, Integer, Categorical, Ordinal, OrdinalNearestNeighbor, FiniteRange)}


def _wrapped(domain):
    return _CLASSES.get(domain.to_dict()["domain_cls"], Domain)(domain)


def _constructor(name):
    make = getattr(_core, name)

    def construct(*args, **kwargs):
        return _wrapped(make(*args, **kwargs))

    construct.__name__ = name
    construct.__doc__ = make.__doc__
    return construct


uniform = _constructor("uniform")
loguniform = _constructor("loguniform")
reverseloguniform = _constructor("reverseloguniform")
randint = _constructor("randint")
lograndint = _constructor("lograndint")
choice = _constructor("choice")
ordinal = _constructor("ordinal")
logordinal = _constructor("logordinal")
finrange = _constructor("finrange")
logfinrange = _constructor("logfinrange")
quniform = _constructor("quniform")
qloguniform = _constructor("qloguniform")
qrandint = _constructor("qrandint")
qlograndint = _constructor("qlograndint")


def _constant(value):
    return list(value) if isinstance(value, tuple) else value


def own_space(config_space):
    """The same as Skipjack's SearchSpace."""
    return _core.SearchSpace(
        {name: value._domain if isinstance(value, Domain) else _constant(value) for name, value in config_space.items()}
    )


def to_dict(domain):
    """The JSON form of a domain."""
    return dict(domain._kind)


def from_dict(dictionary):
    return _wrapped(_core.Domain.from_dict(dictionary))


def config_space_to_json_dict(config_space):
    """{name: JSON form or constant}."""
    return {name: to_dict(value) if isinstance(value, Domain) else value for name, value in config_space.items()}


def config_space_from_json_dict(dictionary):
    return {
        name: from_dict(value) if isinstance(value, dict) and "domain_cls" in value else value
        for name, value in dictionary.items()
    }


def config_space_size(config_space, upper_limit=2**20):
    """Number of configurations; None if infinite or above upper_limit."""
    size = own_space(config_space).cardinality()
    return size if size is not None and size <= upper_limit else None


def non_constant_hyperparameter_keys(config_space):
    return [name for name, value in config_space.items() if isinstance(value, Domain)]


def cast_config_values(config, config_space):
    """The configuration's values as their domains' types."""
    return {
        name: config_space[name].cast(value)
        for name, value in config.items()
        if isinstance(config_space.get(name), Domain)
    }


def remove_constant_and_cast(config, config_space):
    return cast_config_values(config, config_space)


def add_to_argparse(parser, config_space):
    """One argument of the right type for each parameter and constant."""
    for name, value in config_space.items():
        kind = value.value_type if isinstance(value, Domain) else type(value)
        parser.add_argument(f"--{name}", type=kind, required=True)


def is_log_space(domain):
    return "Log" in str(domain._kind.get("sampler_cls")) or bool(domain._kind["domain_kwargs"].get("log_scale"))


def is_reverse_log_space(domain):
    return "ReverseLog" in str(domain._kind.get("sampler_cls"))


def is_uniform_space(domain):
    return not is_log_space(domain)


def restrict_domain(numerical_domain, lower, upper):
    """The same kind of numbers in a narrower range; of a finite range, from the values nearest to the bounds."""
    kind = dict(numerical_domain._kind)
    narrowed = {"lower": lower, "upper": upper}
    if isinstance(numerical_domain, FiniteRange):
        values = numerical_domain.values
        first, last = (min(values, key=lambda value, bound=bound: abs(value - bound)) for bound in (lower, upper))
        narrowed = {"lower": first, "upper": last, "size": sum(first <= value <= last for value in values)}
    kind["domain_kwargs"] = {**kind["domain_kwargs"], **narrowed}
    return from_dict(kind)


def config_to_match_string(config, config_space, keys):
    """Equal for equal configurations."""
    return ",".join(f"{key}:{config_space[key].match_string(config[key])}" for key in keys)


def _streamlined(domain):
    numbers = getattr(domain, "categories", ())
    if type(domain) is Categorical and len(numbers) > 1 and all(type(n) in (int, float) for n in numbers):
        values = sorted(numbers)
        return (logordinal if values[0] > 0 and values[-1] >= 100 * values[0] else ordinal)(values)
    is_wide = isinstance(domain, (Float, Integer)) and domain.lower > 0 and domain.upper >= 100 * domain.lower
    if is_wide and domain._kind.get("sampler_cls") == "Uniform":
        return (loguniform if isinstance(domain, Float) else lograndint)(domain.lower, domain.upper)
    return domain


def streamline_config_space(config_space, exclude_names=None, verbose=False):
    """With numbers in their order instead of as categories, and logarithms where a range spans a factor of 100."""
    kept = set(exclude_names or ())
    return {
        name: _streamlined(value) if isinstance(value, Domain) and name not in kept else value
        for name, value in config_space.items()
    }


search_space_to_json_dict = config_space_to_json_dict
search_space_from_json_dict = config_space_from_json_dict
search_space_size = config_space_size

"""Configurations as rows of numbers, for surrogates that a launcher brings along: Syne Tune's encoding. A column
a parameter in order of names, one for each category of a choice with more than two."""

from .config_space import Categorical, Domain, Ordinal, own_space


class HyperparameterRanges:
    """config_space: constants are left out. Needs numpy."""

    def __init__(self, config_space, name_last_pos=None, **_):
        self.config_space = {name: value for name, value in config_space.items() if isinstance(value, Domain)}
        self.name_last_pos = name_last_pos
        names = sorted(self.config_space)
        self.internal_keys = sorted(names, key=lambda name: name == name_last_pos)
        self._space = own_space(self.config_space)

    def _width(self, name):
        """Columns of a parameter."""
        domain = self.config_space[name]
        is_choice = isinstance(domain, Categorical) and not isinstance(domain, Ordinal)
        return len(domain) if is_choice and len(domain) > 2 else 1

    @property
    def ndarray_size(self):
        return sum(self._width(name) for name in self.internal_keys)

    def get_ndarray_bounds(self):
        return [(0.0, 1.0)] * self.ndarray_size

    def to_ndarray(self, config):
        import numpy

        row = []
        for name in self.internal_keys:
            domain, width = self.config_space[name], self._width(name)
            if width == 1:
                row.append(domain._domain.to_unit(config[name]))
            else:
                row += [float(domain.cast(config[name]) == category) for category in domain.categories]
        return numpy.array(row)

    def to_ndarray_matrix(self, configs):
        import numpy

        return numpy.vstack([self.to_ndarray(config) for config in configs])

    def from_ndarray(self, enc_config):
        config, place = {}, 0
        row = [float(value) for value in enc_config.reshape(-1)]
        for name in self.internal_keys:
            domain, width = self.config_space[name], self._width(name)
            part = row[place : place + width]
            place += width
            best = max(range(width), key=part.__getitem__)
            config[name] = domain._domain.from_unit(part[0]) if width == 1 else domain.categories[best]
        return config

    def config_to_tuple(self, config, keys=None, skip_last=False):
        keys = self.internal_keys if keys is None else keys
        return tuple(config[name] for name in (keys[:-1] if skip_last else keys))

    def tuple_to_config(self, config_tuple, keys=None, skip_last=False):
        keys = self.internal_keys if keys is None else keys
        return dict(zip(keys[:-1] if skip_last else keys, config_tuple))

    def config_to_match_string(self, config, keys=None, skip_last=False):
        return ",".join(map(str, self.config_to_tuple(config, keys, skip_last)))

    def random_config(self, random_state):
        return self._space.sample(int(random_state.randint(2**31 - 1)))

    def random_configs(self, random_state, num_configs):
        seed = int(random_state.randint(2**31 - 1))
        return [self._space.sample(seed, number) for number in range(num_configs)]

    def __len__(self):
        return len(self.config_space)

    def __eq__(self, other):
        return isinstance(other, HyperparameterRanges) and self.config_space == other.config_space


HyperparameterRangesImpl = HyperparameterRanges


def make_hyperparameter_ranges(config_space, **options):
    return HyperparameterRanges(config_space, **options)

"""The library's errors: one class per code, so that nobody has to read a message."""


class Error(Exception):
    """What went wrong, and what may be tried.

    code: "invalid_argument", "not_found", ...; try_this: empty if nothing is known to help.
    """

    code = ""

    def __init__(self, message, try_this=""):
        super().__init__(message)
        self.message = message
        self.try_this = try_this

    def __str__(self):
        return f"{self.message}; {self.try_this}" if self.try_this else self.message

    def __reduce__(self):
        return type(self), (self.message, self.try_this)


class InvalidArgument(Error, ValueError):
    code = "invalid_argument"


class NotFound(Error):
    code = "not_found"


class AlreadyExists(Error):
    code = "already_exists"


class PermissionDenied(Error):
    code = "permission_denied"


class Corrupted(Error):
    code = "corrupted"


class Io(Error):
    code = "io"


class Network(Error):
    code = "network"


class Timeout(Error, TimeoutError):
    code = "timeout"


class Cancelled(Error):
    code = "cancelled"


class Exhausted(Error):
    code = "exhausted"


class Unsupported(Error):
    code = "unsupported"


_BY_CODE = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        NotFound,
        AlreadyExists,
        PermissionDenied,
        Corrupted,
        Io,
        Network,
        Timeout,
        Cancelled,
        Exhausted,
        Unsupported,
    )
}


def from_code(code, message, try_this=""):
    """The error that the library means by a code."""
    return _BY_CODE[code](message, try_this)

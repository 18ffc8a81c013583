"""API keys that cannot be shown by accident."""

from typing import final

MASK = "***"


@final
class Credentials:
    """An API key and its secret. Every way of printing or copying shows ``***``; only `reveal` gives the values.

    Not a msgspec or pydantic value on purpose: encoders do not know it and refuse it.
    """

    __slots__ = ("__key", "__secret")

    def __init__(self, api_key: str, api_secret: str) -> None:
        """Keep a key pair.

        Raises:
            ValueError: One of the two is empty, has blanks around it, or cannot stand in an HTTP header.
        """
        for name, value in (("API key", api_key), ("API secret", api_secret)):
            if not value:
                raise ValueError(f"the {name} is empty")
            if value != value.strip() or not value.isascii() or not value.isprintable():
                raise ValueError(f"the {name} has blanks around it or characters that are not printable ASCII")
        self.__key = api_key
        self.__secret = api_secret

    def reveal(self) -> tuple[str, str]:
        """The key and the secret, for signing only."""
        return self.__key, self.__secret

    def __repr__(self) -> str:
        return f"Credentials({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __copy__(self) -> "Credentials":
        return self

    def __deepcopy__(self, memo: object) -> "Credentials":
        return self

    def __reduce_ex__(self, protocol: object) -> tuple[type[str], tuple[str]]:
        return str, (MASK,)  # a pickle holds the mask, so does whatever is loaded from it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

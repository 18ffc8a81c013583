"""Who may use the HTTP API: tokens, kept as hashes in ``TRADER_HOME/tokens.json``.

A token is shown once, when it is made. What is stored is its SHA-256: of 256 random bits, so there is nothing to guess and
no salt is needed. The file is looked at before each use, so that a revoked token ends with the next request.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import msgspec

from trader.config.files import private_folder, read_text, write_text
from trader.config.messages import shown
from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock

Scope = Literal["read", "stop", "trade"]
SCOPES: tuple[Scope, ...] = get_args(Scope)  # each may do what those before it may
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_TOKEN = re.compile(r"sd_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_LOCK_SECS = 5.0
_MOST = 200


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token as it is stored. `sha256` is of the whole text that is sent."""

    token_id: str
    name: str
    scope: Scope
    sha256: str
    created_at: datetime
    revoked_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Whether it reaches as far as `scope`: trade includes stop, stop includes read."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


_file = msgspec.json.Decoder(list[Token])


class TokenStore:
    """The tokens of one installation. Safe from any thread and process."""

    def __init__(self, home: Path) -> None:
        self._path = home / "tokens.json"
        self._lock = home / "tokens.lock"
        self._read: tuple[tuple[int, int, int], dict[str, Token]] | None = None

    def create(self, name: str, scope: Scope) -> tuple[Token, str]:
        """A fresh token, and the text to send, which is stored nowhere.

        Raises:
            ConfigError: The name is none or taken, or the file cannot be used.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"A token's name must match {_NAME.pattern}, was {shown(name)}")
        with self._alone() as tokens:
            if any(token.name == name and token.revoked_at is None for token in tokens):
                raise ConfigError(f"There is already a token named {name!r}; revoke it first, or choose another name")
            if len(tokens) >= _MOST:  # those revoked first make room
                tokens.sort(key=lambda token: (token.revoked_at is None, token.revoked_at or token.created_at))
                if tokens.pop(0).revoked_at is None:
                    raise ConfigError(f"There are {_MOST} tokens, the most there may be; revoke one first")
            token_id = secrets.token_hex(4)
            text = f"sd_{token_id}_{secrets.token_urlsafe(32)}"
            token = Token(token_id=token_id, name=name, scope=scope, sha256=_hash(text), created_at=datetime.now(UTC))
            tokens.append(token)
        return token, text

    def revoke(self, which: str) -> Token:
        """End a token, by its name or id.

        Raises:
            ConfigError: No such token is in use, or the file cannot be used.
        """
        with self._alone() as tokens:
            for place, token in enumerate(tokens):
                if token.revoked_at is None and which in (token.token_id, token.name):
                    ended: Token = msgspec.structs.replace(token, revoked_at=datetime.now(UTC))
                    tokens[place] = ended
                    return ended
        raise ConfigError(f"No token {shown(which)} is in use; `python -m trader token list` lists them")

    def everyone(self) -> list[Token]:
        """All of them, the revoked ones too, oldest first.

        Raises:
            ConfigError: The file cannot be used.
        """
        return sorted(self._tokens().values(), key=lambda token: token.created_at)

    def find(self, text: str) -> Token | None:
        """The token in use that this text is, else None.

        Raises:
            ConfigError: The file cannot be used.
        """
        form = _TOKEN.fullmatch(text)
        token = None if form is None else self._tokens().get(form[1])
        if token is None or token.revoked_at is not None or not hmac.compare_digest(token.sha256, _hash(text)):
            return None
        return token

    def _tokens(self) -> dict[str, Token]:
        try:
            info = self._path.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(f"The file of tokens {self._path} cannot be read ({error.strerror})") from error
        stamp = (info.st_mtime_ns, info.st_ino, info.st_size)
        if self._read is None or self._read[0] != stamp:
            text = read_text(self._path, "The file of tokens") or "[]"
            try:
                found = _file.decode(text)
            except msgspec.MsgspecError as error:
                raise ConfigError(f"The file of tokens {self._path} cannot be used: {error}") from error
            self._read = (stamp, {token.token_id: token for token in found})
        return self._read[1]

    @contextmanager
    def _alone(self) -> Iterator[list[Token]]:
        """The tokens, to be changed, while no other process changes them; written at the end."""
        private_folder(self._path.parent, "The home folder")
        lock = ProcessLock(self._lock)
        if not lock.take(_LOCK_SECS):
            raise ConfigError(f"Another process has been changing tokens for {_LOCK_SECS:.0f} s; try again")
        try:
            tokens = [*self._tokens().values()]
            before = [*tokens]
            yield tokens
            if tokens != before:
                text = msgspec.json.format(msgspec.json.encode(tokens), indent=2).decode()
                write_text(self._path, text + "\n", "The file of tokens")
        finally:
            lock.release()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""What the account may do in all, whatever its runs' presets say. A document of the account, not of a preset."""

from pydantic import BaseModel, ConfigDict, Field


class AccountLimits(BaseModel):
    """Bounds of new risk over all runs of an account; an exit is never asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open_runs: int = Field(6, ge=1, le=50, title="Runs", description="Most unfinished runs at once.")
    open_runs_per_underlying: int = Field(
        3, ge=1, le=50, title="Runs per underlying", description="Most unfinished runs at once on one underlying."
    )

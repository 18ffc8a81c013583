"""Settings (environment, secrets), the preset model and where presets are kept."""

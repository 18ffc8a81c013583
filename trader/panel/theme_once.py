"""The theme that Streamlit tells a page, put together once.

It does so for every refresh of every tab, out of all its five hundred options: two milliseconds in one piece, in which
neither the runner's thread nor the stream's can have the interpreter. The options do not change while the server runs.
"""

from collections.abc import Callable

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

Populate = Callable[[CustomThemeConfig, str], None]


def install() -> None:
    """From now on sessions of this process get copies."""
    app_session._populate_theme_msg = remembered(app_session._populate_theme_msg)  # type: ignore[assignment]


def remembered(populate: Populate) -> Populate:
    """The same, asked once for each section."""
    made: dict[str, CustomThemeConfig] = {}

    def copy(theme: CustomThemeConfig, section: str = "theme") -> None:
        if section not in made:
            fresh = CustomThemeConfig()
            populate(fresh, section)
            made[section] = fresh
        if made[section].ByteSize():  # a section without options stays absent
            theme.MergeFrom(made[section])

    return copy

"""The panel's entry: an ASGI application to the server, the page frame to a browser session.

`streamlit run streamlit_app.py` and `python streamlit_app.py` (which reads `PORT`) import it as a server first; Streamlit then
runs the same file once per page view, and by then its runtime exists.
"""

import streamlit as st
from streamlit import runtime

if runtime.exists():
    from trader.panel import frame

    frame.draw()
else:
    from trader.panel import boot

    app = st.App(__file__, lifespan=boot.lifespan, routes=boot.routes(), middleware=boot.middleware())

    if __name__ == "__main__":
        app.run(config={"server.port": boot.port_from_environment()})

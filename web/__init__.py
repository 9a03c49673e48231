"""The pages that clipgraph serves to browsers; so far GraphiQL (see README.md beside this file)."""

from pathlib import Path

GRAPHIQL_PAGE = Path(__file__).parent / "graphiql"
"""Our own files of the page: the HTML, scripts, styles, and a query for each tab."""

GRAPHIQL_ASSETS = Path(__file__).parent / "dist" / "graphiql"
"""What `graphiql/fetch.py` brings from npm; `.complete` lies in it once all of it is there."""

GRAPHIQL_STYLE_HASH = "sha256-nzTgYzXYDNe6BAHiiI7NNlfK8n/auuOAhh2t92YvuXo="
"""The one inline style that GraphiQL adds (it stops the page from scrolling below a dialog), for `style-src`."""

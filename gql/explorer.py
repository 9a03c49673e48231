"""GraphiQL for browsers: a page and its assets, all served from here, with a strict content security policy."""

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

WEB = Path(__file__).parent.parent / "web"
PAGE_FOLDER = WEB / "graphiql"
# What set-up brought from npm; see web/graphiql/fetch.py.
VENDOR_FOLDER = WEB / "dist" / "graphiql"
PAGE_ASSETS = frozenset({"main.js", "main.css", "icon.svg", "welcome.graphql"})
CACHE_CONTROL = "no-cache"


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, rather than a program with a query."""
    return (
        request.method in {"GET", "HEAD"}
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


def page_response(media_origin: str | None) -> Response:
    """GraphiQL, or a page that says what set-up is missing."""
    name = "index.html" if is_explorer_installed() else "missing.html"
    headers = {**security_headers(media_origin), "Cache-Control": CACHE_CONTROL}
    return HTMLResponse((PAGE_FOLDER / name).read_bytes(), headers=headers)


async def serve_asset(request: Request) -> Response:
    """One file of the page; 404 for every name that is not one."""
    path = _asset_paths().get(request.path_params["name"])
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, headers={"Cache-Control": CACHE_CONTROL, "X-Content-Type-Options": "nosniff"})


def is_explorer_installed() -> bool:
    """Whether set-up brought GraphiQL's files."""
    return (VENDOR_FOLDER / ".complete").is_file()


@cache
def _asset_paths() -> dict[str, Path]:
    vendored = VENDOR_FOLDER.iterdir() if VENDOR_FOLDER.is_dir() else ()
    paths = {path.name: path for path in vendored if not path.name.startswith(".")}
    return paths | {name: PAGE_FOLDER / name for name in PAGE_ASSETS}


def security_headers(media_origin: str | None) -> dict[str, str]:
    """Headers under which the page runs our files only, and shows media from `media_origin` (R2) only."""
    media = f" {media_origin}" if media_origin else ""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        # GraphiQL's editor (CodeMirror, Monaco) writes style attributes.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"'self' data:{media}",
        "media-src": f"'self'{media}",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def origin_of(url: str | None) -> str | None:
    """`https://host:port` of a URL, as a content security policy names it."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

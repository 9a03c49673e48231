"""GraphiQL for browsers: a page and its assets, all served from here, with a strict content security policy."""

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from web import GRAPHIQL_ASSETS, GRAPHIQL_PAGE, GRAPHIQL_STYLE_HASH

ASSET_SUFFIXES = frozenset({".js", ".css", ".svg", ".graphql"})
CACHE_CONTROL = "no-cache"


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, rather than a program with a query."""
    return (
        request.method in {"GET", "HEAD"}
        and request.query_params.keys().isdisjoint({"query", "documentId"})
        and "text/html" in request.headers.get("accept", "")
    )


def page_response(media_origin: str | None) -> Response:
    """GraphiQL's page, or a page that names the missing set-up."""
    name = "index.html" if is_explorer_installed() else "missing.html"
    headers = {"Content-Security-Policy": content_security_policy(media_origin), "Cache-Control": CACHE_CONTROL}
    return HTMLResponse((GRAPHIQL_PAGE / name).read_bytes(), headers=headers)


async def serve_asset(request: Request) -> Response:
    """One file of the page; 404 for every name that is not one."""
    path = _asset_paths().get(request.path_params["name"])
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, headers={"Cache-Control": CACHE_CONTROL})


def is_explorer_installed() -> bool:
    """Whether set-up brought GraphiQL's files."""
    return (GRAPHIQL_ASSETS / ".complete").is_file()


@cache
def _asset_paths() -> dict[str, Path]:
    vendored = GRAPHIQL_ASSETS.iterdir() if GRAPHIQL_ASSETS.is_dir() else ()
    paths = {path.name: path for path in vendored if not path.name.startswith(".")}
    return paths | {path.name: path for path in GRAPHIQL_PAGE.iterdir() if path.suffix in ASSET_SUFFIXES}


def content_security_policy(media_origin: str | None) -> str:
    """A policy under which the page runs our files only, and shows media from `media_origin` (R2) only."""
    media = f" {media_origin}" if media_origin else ""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        # GraphiQL's dialogs insert one stylesheet of their own.
        "style-src": f"'self' '{GRAPHIQL_STYLE_HASH}'",
        "img-src": f"'self' data:{media}",
        "media-src": f"'self'{media}",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def origin_of(url: str | None) -> str | None:
    """`https://host:port` of a URL, as a content security policy names it."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

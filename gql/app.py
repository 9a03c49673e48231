"""The Starlette app: every address that clipgraph answers on."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from gql.authentication.exposure import assert_safe_to_serve
from gql.credential_rotation import follow_credentials
from gql.http.cors import make_cors
from gql.http.drain import Drain, draining_at_signals
from gql.http.graphiql import origin_of, page_response, serve_asset, wants_page
from gql.http.health import Readiness, livez
from gql.http.limits.admission import ADMISSION_KEY, AdmissionLimit
from gql.http.limits.anonymous_limit import AnonymousLimit
from gql.http.limits.header_limits import HeaderLimits
from gql.http.limits.refusal_counter import REFUSALS_KEY, RefusalCounter
from gql.http.limits.request_limits import RequestLimits
from gql.http.loopback import LoopbackOnly
from gql.http.middleware import BodyLimit, RequestLog
from gql.http.origins import OriginPolicy, SocketOrigins
from gql.http.security_headers import SecurityHeaders
from gql.http.view import GraphQLView
from gql.schema import schema
from gql.services import Services
from gql.trusted_documents import read_trusted_documents
from repositories.client import create_client
from settings import ConfigurationError, Settings
from storage.r2 import R2Storage


def create_app(settings: Settings | None = None) -> Starlette:
    """The app over the Firestore and R2 that `settings` (or the environment) name.

    Raises `ConfigurationError` where they are incomplete, or callers could not be told apart.
    """
    settings = settings or Settings()
    assert_safe_to_serve(settings)
    services = create_services(settings)
    drain = Drain()
    view = GraphQLView(schema, services, drain)
    app = Starlette(
        routes=[
            *_choose_endpoint(view, settings),
            Route("/graphql/", _redirect_to_graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", view),
            Route("/livez", livez),
            Route("/readyz", Readiness(services).readyz),
        ],
        middleware=_choose_middleware(services),
        lifespan=_run,
    )
    # Starlette would redirect `/graphql/` to whatever host the request names.
    app.router.redirect_slashes = False
    app.state.services, app.state.drain = services, drain
    return app


def _choose_endpoint(view: GraphQLView, settings: Settings) -> list[Route]:
    """The API, and GraphiQL with its files where the settings want it."""
    if not settings.has_graphiql:
        return [Route("/graphql", view)]
    return [
        Route("/", _redirect_to_explorer),
        Route("/graphql", GraphQLEndpoint(view, origin_of(settings.resolved_r2_endpoint_url))),
        Route("/graphql/assets/{name}", serve_asset),
    ]


def _choose_middleware(services: Services) -> list[Middleware]:
    """The middleware of each request, from the outside in."""
    settings, policy = services.settings, OriginPolicy(services.settings)
    open_to_this_machine = [] if settings.has_issuer else [Middleware(LoopbackOnly, policy)]
    return [
        Middleware(AdmissionLimit, services.admission),
        Middleware(SecurityHeaders, trusted_hops=settings.trusted_proxy_hops),
        Middleware(RequestLog),
        Middleware(AnonymousLimit, services.budgets, settings.trusted_proxy_hops),
        *open_to_this_machine,
        make_cors(settings, policy),
        Middleware(SocketOrigins, policy),
        Middleware(HeaderLimits),
        Middleware(BodyLimit, max_bytes=settings.max_body_bytes),
        Middleware(RequestLimits, settings),
    ]


def create_services(settings: Settings) -> Services:
    """The clients of Firestore and R2; `ConfigurationError` names the settings that are missing."""
    settings.assert_complete()
    if settings.is_embedded:
        raise ConfigurationError("Firestore and R2 are not configured. `clipgraph serve` starts embedded servers.")
    firestore = create_client(
        project=settings.google_cloud_project,
        database=settings.firestore_database,
        emulator_host=settings.firestore_emulator_host,
    )
    storage = R2Storage(
        **settings.resolve_r2()._asdict(),
        url_window_seconds=settings.url_window_seconds,
        cache_control=settings.upload_cache_control,
    )
    documents = read_trusted_documents(settings, schema._schema)  # noqa: SLF001  strawberry has no public name for it
    return Services(settings=settings, firestore=firestore, storage=storage, documents=documents)


@contextlib.asynccontextmanager
async def _run(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
    services: Services = app.state.services
    with draining_at_signals(app.state.drain):
        async with follow_credentials(services.settings, services.storage):
            # For the server's protocol, which refuses at less cost than the app (`http/limits/uvicorn_protocols.py`).
            refusals = RefusalCounter(services.budgets, services.settings)
            yield {ADMISSION_KEY: services.admission, REFUSALS_KEY: refusals}
    await services.close()


class GraphQLEndpoint:
    """`/graphql`: the explorer for people, the API for programs."""

    def __init__(self, view: GraphQLView, media_origin: str | None) -> None:
        self._view = view
        self._media_origin = media_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if wants_page(Request(scope)):
            await page_response(self._media_origin)(scope, receive, send)
            return
        await self._view(scope, receive, send)


async def _redirect_to_graphql(request: Request) -> Response:
    """To the address without the slash, on the host that was asked."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/graphql{query}")


async def _redirect_to_explorer(request: Request) -> Response:
    del request
    return RedirectResponse("/graphql")

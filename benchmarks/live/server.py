"""clipgraph as `clipgraph serve` runs it, and beside it `/listening`: what its subscriptions have cost so far."""

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gql.app import create_app
from gql.http.limits.uvicorn_protocols import HeaderTimeoutProtocol, WriteTimeoutSocketProtocol
from gql.logs.configure import configure_logging
from settings import Settings


async def tell(request: Request) -> JSONResponse:
    """The reads that Firestore bills, and how many targets and streams are open."""
    listener = request.app.state.services.listener
    return JSONResponse(
        {"reads": listener.documents_read, "targets": listener.targets_count, "streams": listener.streams_count}
    )


def main() -> None:
    """Serves until a signal."""
    settings = Settings()
    configure_logging(settings)
    app = create_app(settings)
    app.router.routes.append(Route("/listening", tell))
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        access_log=False,
        http=HeaderTimeoutProtocol,
        ws=WriteTimeoutSocketProtocol,
        ws_per_message_deflate=False,
        backlog=8192,
    )
    listener = config.bind_socket()
    print(f"serves at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

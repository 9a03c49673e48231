"""GraphQL over HTTP: Strawberry's view with the media types, status codes and errors that the standard asks for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from gql.authentication.errors import CallerRefusedError, KeysUnavailableError
from gql.context import Context
from gql.errors import ErrorCode, log_errors
from gql.execution.disconnects import DISCONNECT_WATCHER_KEY, DisconnectWatcher
from gql.http.drain import Drain
from gql.http.event_streams import EventStream, EventTransport, StreamResources, only
from gql.http.http_cache import make_cacheable, may_be_cached
from gql.http.limits.connection_limits import CONNECTION_LIMIT_KEY
from gql.http.media_types import GRAPHQL_RESPONSE, JSON, parse_accept
from gql.http.requests import RequestData, assert_json, assert_preflighted, read_parameters
from gql.http.responses import (
    MalformedRequestError,
    ending_response,
    error_response,
    outage_response,
    refusal_response,
    to_malformed_request,
)
from gql.http.websockets import SocketHandler, TextSocketAdapter
from gql.loaders import Loaders
from gql.permissions import ANONYMOUS
from gql.rate_limits.admission import REQUEST_SLOT_KEY, RequestSlot
from gql.schema import Schema
from gql.services import Services


class GraphQLView(GraphQL[Context, None]):
    """`/graphql` for programs; people get the explorer (`graphiql.py`)."""

    websocket_adapter_class = TextSocketAdapter
    graphql_transport_ws_handler_class = SocketHandler
    stream_transport_classes_by_protocol = MappingProxyType({GRAPHQL_SSE_PROTOCOL: EventTransport})

    def __init__(self, schema: Schema, services: Services, drain: Drain) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            # `http/origins.py` has checked them, and says which setting allows one.
            allowed_origins=("*",),
        )
        self._services = services
        self._drain = drain
        self._access_control = services.access_control
        # What else than its address an answer depends on.
        self._vary = ", ".join(filter(None, ("Accept", "Authorization", services.settings.auth_token_header)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] == "websocket" and self._drain.has_begun:
            await ending_response()(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if (disconnect_watcher := scope["state"].get(DISCONNECT_WATCHER_KEY)) is not None:
                disconnect_watcher.assert_connected()
            raise
        except MalformedRequestError as error:
            await error.response(scope, receive, send)
        except CallerRefusedError as error:
            await refusal_response(error)(scope, receive, send)
        except KeysUnavailableError:
            await outage_response()(scope, receive, send)

    async def run(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Strawberry's answer; a request that is no GraphQL request gets our kind of error, not plain text."""
        try:
            response = await super().run(request, *args, **kwargs)
        except HTTPException as error:
            raise to_malformed_request(error) from error
        if hasattr(request.state, "kept_data"):
            return make_cacheable(request, response, request.state.kept_data, self._vary)
        return response

    def should_render_graphql_ide(self, request: object) -> bool:
        """Never: the explorer is `graphiql.py`'s."""
        del request
        return False

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> RequestData:
        """The request, which is one operation in JSON, or in the parameters of a GET."""
        transport = self._get_stream_transport_from_headers(request.headers)
        protocol = transport.protocol if transport else "http"
        if request.method == "GET":
            assert_preflighted(request.headers)
            # Mostly there is none; what there is must have come before the query runs, as with POST.
            await request.get_body()
            given = {name: value for name, value in request.query_params.items() if value}
            return read_parameters(self.parse_query_params(given), protocol)
        assert_json(request.content_type)
        return read_parameters(self.parse_json(await request.get_body()), protocol)

    async def execute_operation(self, *, request_data: Any, context: Context, **kwargs: Any) -> Any:  # type: ignore[override]  # strawberry passes names only
        """The result of the document that the request sent, or named."""
        try:
            query = self._services.documents.resolve(context.principal, request_data.query, request_data.document_id)
        except GraphQLError as error:
            log_errors([error])
            refusal = PreExecutionError(data=None, errors=[error])
            result: Any = refusal if request_data.protocol == "http" else only(refusal)
        else:
            request_data = replace(request_data, query=query)
            if request_data.protocol == "http":
                context = replace(context, disconnect_watcher=DisconnectWatcher(kwargs["request"].receive))
                setattr(kwargs["request"].state, DISCONNECT_WATCHER_KEY, context.disconnect_watcher)
            result = await super().execute_operation(request_data=request_data, context=context, **kwargs)
        if isinstance(result, AsyncGenerator):
            kwargs["request"].state.stream = (context.principal, result)
        return result

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        """The response of an event stream, which takes a seat as a WebSocket does; 429 and 503 where there is none."""
        del sub_response
        principal, results = request.state.stream
        if self._drain.has_begun:
            return ending_response()
        slot = getattr(request.state, CONNECTION_LIMIT_KEY).acquire(f"caller {principal.caller}")
        if slot is None:
            message = "You have too many event streams and WebSockets open."
            return error_response(429, message, ErrorCode.RATE_LIMITED)
        chunks = cast("AsyncGenerator[str, None]", stream())
        return EventStream(chunks, headers, resources=StreamResources(slot, results, principal, self._drain))

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """The context of one request, with its own loaders. A WebSocket's caller is unknown until `connection_init`."""
        del response
        if isinstance(request, WebSocket):
            return Context(
                ANONYMOUS, self._services, Loaders(self._services), request.state.request_id, is_on_socket=True
            )
        slot: RequestSlot = getattr(request.state, REQUEST_SLOT_KEY)
        return Context(
            principal=await self._access_control.admit(request),
            services=self._services,
            loaders=Loaders(self._services),
            request_id=request.state.request_id,
            arrived_at=slot.arrived_at,
        )

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """The response that answers take their headers from: here the media type that the client asked for."""
        sub_response = await super().get_sub_response(request)
        accepted = parse_accept(request.headers.get("accept", ""))
        is_named = any(media_type.name == GRAPHQL_RESPONSE for media_type in accepted)
        sub_response.media_type = GRAPHQL_RESPONSE if is_named else JSON
        return sub_response

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The answer's JSON; a request that was never executed has no `data`."""
        answer = await super().process_result(request, result)
        if isinstance(result, PreExecutionError):
            answer.pop("data", None)
        if may_be_cached(request) and not result.errors:
            # Encoded once, for the answer and for its tag.
            request.state.kept_data = orjson.dumps(result.data)
            answer["data"] = orjson.Fragment(request.state.kept_data)  # type: ignore[typeddict-item]  # JSON already
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """200 for an executed operation; 400 for any other, if the client accepts the newer media type."""
        was_refused = sub_response.media_type == GRAPHQL_RESPONSE and "data" not in response_data
        return Response(
            orjson.dumps(response_data), status_code=400 if was_refused else 200, media_type=sub_response.media_type
        )

    def encode_json(self, data: object) -> bytes:
        """JSON by orjson."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """JSON by orjson, whose error is a `json.JSONDecodeError`."""
        return orjson.loads(data)

    def parse_json(self, data: str | bytes) -> dict[str, Any]:
        """The JSON object that every request is; one that is none, or several in a list, is refused."""
        request = super().parse_json(data)
        if not isinstance(request, dict):
            raise HTTPException(400, "The request must be a JSON object with a `query`.")
        return request

"""GraphQL over WebSocket (graphql-transport-ws): the caller, and the expiry of their token."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import orjson
import structlog
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from gql.authentication.errors import CallerRefusedError, KeysUnavailableError
from gql.context import Context
from gql.errors import log_errors
from gql.http.limits.connection_limits import (
    CONNECTION_INIT_SECONDS,
    CONNECTION_SLOT_KEY,
    MAX_OPERATIONS,
    ConnectionSlot,
    MessageRate,
)
from gql.loaders import Loaders
from gql.rate_limits.budgets import RateLimitedError
from gql.rate_limits.errors import rate_limited, too_many_operations
from gql.rate_limits.event_scope import EventScope

log = structlog.get_logger(__name__)

FORBIDDEN = 4403
# Clients of graphql-ws take this one for a reason to come again.
TRY_AGAIN_LATER = 1013
# What a WebSocket's close frame has room for.
MAX_REASON_BYTES = 123


class TextSocketAdapter(ASGIWebSocketAdapter):
    """Messages are text frames, as the protocol wants them; Strawberry sends bytes as binary ones."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Sends a message, where the socket has not been closed while an operation ran."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await self.ws.send_text(orjson.dumps(message).decode())

    async def close(self, code: int, reason: str) -> None:
        """Closes the WebSocket unless it is closed; the reason is cut to the size of a frame."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await super().close(code, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket. It is closed with 4403 where its caller is refused, and when their token expires."""

    websocket: TextSocketAdapter
    _expiry: asyncio.Task[None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        timeout = timedelta(seconds=CONNECTION_INIT_SECONDS)
        super().__init__(*args, **{**kwargs, "connection_init_wait_timeout": timeout})
        self._rate = MessageRate()

    async def handle_message(self, message: Message) -> None:
        """Acts on a message; one that the protocol does not know closes with 4400, and an expired caller's is lost."""
        if self.context.principal.is_expired:
            return
        if not self._rate.check():
            await self.websocket.close(TRY_AGAIN_LATER, "Too many messages")
            return
        if not is_message(message):
            await self.handle_invalid_message("Failed to parse message")
            return
        await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Lets the caller in, or closes."""
        if message.get("payload") is None:
            message = {"type": "connection_init"}
        payload = message.get("payload", {})
        if isinstance(payload, dict) and not self.connection_init_received:
            try:
                principal = await self.context.services.access_control.identify(self.websocket.ws, payload)
            except CallerRefusedError as error:
                log.info("caller_refused", reason=error.reason)
                await self.websocket.close(FORBIDDEN, "Forbidden")
                return
            except KeysUnavailableError:
                await self.websocket.close(TRY_AGAIN_LATER, "Try again later")
                return
            self.context = replace(self.context, principal=principal)
            slot: ConnectionSlot = getattr(self.websocket.ws.state, CONNECTION_SLOT_KEY)
            if not slot.move(f"caller {self.context.principal.caller}"):
                await self.websocket.close(TRY_AGAIN_LATER, "Too many WebSockets")
                return
        await super().handle_connection_init(message)
        self._watch_expiry()

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Starts an operation; a `documentId` stands for its document's text."""
        if len(self.operations) >= MAX_OPERATIONS and message["id"] not in self.operations:
            error = too_many_operations(MAX_OPERATIONS)
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        payload: dict[str, Any] = dict(message["payload"])
        if self.connection_acknowledged and message["id"] not in self.operations:
            documents, principal = self.context.services.documents, self.context.principal
            try:
                payload["query"] = documents.resolve(principal, payload.get("query"), payload.get("documentId"))
            except GraphQLError as error:
                log_errors([error])
                await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
                return
        await super().handle_subscribe(cast("SubscribeMessage", {**message, "payload": payload}))

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Runs an operation with its own loaders: loads of one operation are out of date for the next."""
        try:
            await self.context.services.budgets.admit(self.context.principal)
        except RateLimitedError as error:
            await operation.send_initial_errors([rate_limited(error)])
            return
        # Strawberry reads the context before it waits for anything, so operations do not see each other's.
        self.context = replace(
            self.context,
            loaders=Loaders(self.context.services),
            event=EventScope(),
            arrived_at=asyncio.get_running_loop().time(),
        )
        await super().run_operation(operation)

    async def shutdown(self) -> None:
        """Cancels all tasks of the WebSocket."""
        if self._expiry is not None:
            self._expiry.cancel()
            with suppress(asyncio.CancelledError):
                await self._expiry
        await super().shutdown()

    def _watch_expiry(self) -> None:
        expires_at = self.context.principal.expires_at
        if expires_at is not None and self._expiry is None:
            self._expiry = asyncio.create_task(self._close_at(expires_at))

    async def _close_at(self, expires_at: float) -> None:
        await asyncio.sleep(expires_at - time.time())
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)
        await self.websocket.close(FORBIDDEN, "Forbidden")


def is_message(message: Any) -> bool:
    """Whether all parts of a message that are there have the types that the protocol gives them."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] not in {"subscribe", "complete"}:
        return True
    if not isinstance(message.get("id"), str):
        return False
    return message["type"] == "complete" or _is_request(message.get("payload"))


def _is_request(payload: Any) -> bool:
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str | None)
        and isinstance(payload.get("documentId"), str | None)
        and _check_document(payload.get("query"), payload.get("documentId"))
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )


def _check_document(query: str | None, document_id: str | None) -> bool:
    """Whether one of them is there; beside an id, an empty query is none: graphql-ws sends no message without one."""
    return (query is None) != (document_id is None) or (query == "" and document_id is not None)

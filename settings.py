"""The settings of clipgraph: one frozen object, read once from the environment."""

import json
import re
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class ConfigurationError(Exception):
    """A configuration that cannot work; the text is one line that says what to set."""


class HalfSetError(ConfigurationError):
    """Some of what must be set together is missing; `names` are the variables to set."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"The configuration is half set. Missing: {', '.join(names)}.")
        self.names = names


class R2Settings(NamedTuple):
    """The endpoint, bucket and credentials of an R2 client."""

    endpoint_url: str
    bucket: str
    access_key_id: str
    secret_access_key: str


def read_credentials_file(path: Path) -> tuple[str, str]:
    """The id and the secret in the `[default]` profile of a file in AWS's format."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text())
        profile = parser["default"]
        key_id, secret = profile["aws_access_key_id"], profile["aws_secret_access_key"]
    except (OSError, UnicodeDecodeError, ConfigParserError, KeyError):
        key_id = secret = ""
    if key_id and secret:
        return key_id, secret
    raise ConfigurationError(
        f"CLIPGRAPH_R2_CREDENTIALS_FILE: {path} has no [default] with aws_access_key_id and aws_secret_access_key."
    )


def _parse_address(value: str) -> str:
    """`value`, an address that nobody on the way can answer for: https, or plain http on this machine."""
    parts = urlsplit(value)
    if parts.scheme == "https" and parts.hostname:
        return value
    if parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS:
        return value
    raise ValueError("must begin with https://, or with http:// and a loopback host")


def _parse_origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be an origin such as https://app.example.com, without a path")
    return value


def _parse_header_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", value):
        raise ValueError("must be names of headers such as X-Request-Source, separated by commas")
    return value


def _parse_json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("must be a JSON list") from None


def _split_commas(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _to_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_parse_address)]
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_to_tuple), Field(min_length=1)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_parse_origin)], ...], NoDecode, BeforeValidator(_split_commas)]
HeaderNames = Annotated[
    tuple[Annotated[str, AfterValidator(_parse_header_name)], ...], NoDecode, BeforeValidator(_split_commas)
]
_ORIGINS: TypeAdapter[Origins] = TypeAdapter(Origins)
_HEADER_NAMES: TypeAdapter[HeaderNames] = TypeAdapter(HeaderNames)
RoleName = Literal["user", "worker", "admin"]


def check_is_origin(text: str) -> bool:
    """Whether `CLIPGRAPH_ALLOWED_ORIGINS` takes the text as one origin."""
    return _check_is_one(_ORIGINS, text)


def check_is_header_name(text: str) -> bool:
    """Whether `CLIPGRAPH_ALLOWED_HEADERS` takes the text as one header's name."""
    return _check_is_one(_HEADER_NAMES, text)


def _check_is_one(setting: TypeAdapter[tuple[str, ...]], text: str) -> bool:
    try:
        return setting.validate_python(text) == (text,)
    except ValueError:
        return False


class IssuerSettings(BaseModel):
    """An OpenID Connect provider whose tokens are taken: one entry of `CLIPGRAPH_AUTH_ISSUERS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Address
    audience: Texts
    # None: `{issuer}/.well-known/openid-configuration` says where the keys are.
    jwks_url: Address | None = None
    # Never taken from a token, and never symmetric: a public key must not pass for a shared secret.
    algorithms: Annotated[tuple[Literal["RS256", "ES256"], ...], Field(min_length=1)] = ("RS256",)
    user_id_claim: str = "sub"
    user_id_prefix: str = ""
    # The way to the claim, such as ["realm_access", "roles"]; None: nobody is more than a user.
    roles_claim: Texts | None = None
    # What the provider calls our roles.
    roles: dict[str, RoleName] = {"worker": "worker", "admin": "admin"}


class ApiKeySettings(BaseModel):
    """A key that is taken instead of a token: one entry of `CLIPGRAPH_AUTH_API_KEYS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Who it is, in `createdBy` and in the log. Two keys of one name are a rotation under way.
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    role: RoleName = "worker"


TRACING_HEADERS = ("traceparent", "tracestate", "baggage")
"""W3C's Trace Context and Baggage: what instrumented pages add to each of their requests."""

APOLLO_HEADERS = (
    "apollographql-client-name",
    "apollographql-client-version",
    "apollo-require-preflight",
    "x-apollo-operation-name",
)
"""The headers of Apollo's clients for the web, for iOS and for Kotlin."""

R2_VARIABLES = (
    "CLIPGRAPH_R2_ENDPOINT_URL (or CLIPGRAPH_R2_ACCOUNT_ID)",
    "CLIPGRAPH_R2_BUCKET",
    "CLIPGRAPH_R2_ACCESS_KEY_ID",
    "CLIPGRAPH_R2_SECRET_ACCESS_KEY",
)


class Settings(BaseSettings):
    """Every setting, from environment variables named `CLIPGRAPH_…` or by their standard name.

    With neither a project nor an emulator host, clipgraph is embedded: its own Firestore and S3 servers run
    over `data_dir`, and the settings of both are filled in by whoever starts them (`cli/stack.py`).
    """

    model_config = SettingsConfigDict(
        env_prefix="CLIPGRAPH_", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="Port to listen on; 0 takes a free one.")
    s3_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None,
        description="Port of the embedded S3; by default `CLIPGRAPH_PORT` + 1, or a free port if that one is taken.",
    )
    data_dir: Path = Field(Path("data"), description="Directory for the data of the embedded Firestore and S3.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="Format of log lines; `auto` is `console` on a terminal and `json` elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Minimum level of log lines.")

    google_cloud_project: str | None = Field(
        None, validation_alias="GOOGLE_CLOUD_PROJECT", description="Google Cloud project of the Firestore database."
    )
    firestore_emulator_host: str | None = Field(
        None,
        validation_alias="FIRESTORE_EMULATOR_HOST",
        description="`host:port` of a Firestore emulator that replaces the project's Firestore.",
    )
    firestore_database: str = Field("(default)", description="Id of the Firestore database.")
    firestore_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        10.0, description="Timeout of a call to Firestore in seconds, including its retries."
    )

    statistics_window_ms: Annotated[int, Field(ge=0, le=10_000)] = Field(
        250, description="Window in milliseconds that merges `updateClipStatus` calls on one video into one commit."
    )

    clip_cache_mb: Annotated[int, Field(ge=0)] = Field(
        64, description="Memory in MiB for cached clips, videos and rendered pages; 0 turns the caches off."
    )

    r2_account_id: str | None = Field(None, description="Cloudflare account id, which determines R2's endpoint.")
    r2_endpoint_url: str | None = Field(None, description="S3 endpoint of R2, if it is not the account's default.")
    r2_bucket: str | None = Field(None, description="Bucket of the clips.")
    r2_access_key_id: str | None = Field(None, description="Access key id of an R2 API token.")
    r2_secret_access_key: SecretStr | None = Field(None, description="Secret access key of that R2 API token.")
    r2_credentials_file: Path | None = Field(
        None, description="File with that token in AWS's format, instead of id and secret; read again when it changes."
    )
    url_window_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        900, description="Seconds for which presigned URLs stay the same, so that browsers can cache the files."
    )

    thumbnail_url_window_seconds: Annotated[int, Field(ge=1, le=518_400)] = Field(
        86_400, description="As above, of thumbnails, which pages show again and again."
    )
    upload_cache_control: Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$", max_length=500)] = (
        Field(
            "max-age=86400, immutable",
            description="`Cache-Control` of uploaded clips and thumbnails, whose URLs follow the files.",
        )
    )

    auth_firebase_project: str | None = Field(None, description="Firebase project whose ID tokens are accepted.")
    auth_firebase_roles_claim: str | None = Field(
        None, description="Custom claim of Firebase with the role `worker` or `admin`; if unset, all callers are users."
    )
    auth_issuers: Annotated[tuple[IssuerSettings, ...], NoDecode, BeforeValidator(_parse_json)] = Field(
        (), description="Other OpenID Connect providers, as a JSON list (see docs/security.md)."
    )
    auth_token_header: str | None = Field(
        None, description="Header in which a proxy passes the token on, if `Authorization` is missing."
    )
    auth_worker_audience: str | None = Field(
        None, description="Audience of Google's identity tokens for workers' service accounts."
    )
    auth_worker_accounts: Names = Field((), description="Emails of workers' service accounts, separated by commas.")
    auth_api_keys: Annotated[tuple[ApiKeySettings, ...], NoDecode, BeforeValidator(_parse_json)] = Field(
        (), description="API keys as a JSON list of names, SHA-256 hashes and roles (see docs/security.md)."
    )
    auth_admin_user_ids: Names = Field((), description="User ids of admins, separated by commas.")
    allowed_origins: Origins = Field(
        (), description="Allowed CORS origins, separated by commas; the server's own origin is always allowed."
    )
    allowed_headers: HeaderNames = Field(
        (),
        description="Request headers that pages may send beside those of the API, W3C tracing and Apollo's clients, "
        "separated by commas.",
    )
    trusted_documents: Path | None = Field(
        None, description="Manifest of trusted documents: a JSON file that maps ids to documents."
    )
    trusted_documents_only: bool | None = Field(
        None, description="Whether users may run trusted documents only; by default true with an issuer and a manifest."
    )
    introspection: bool | None = Field(
        None, description="Whether introspection and name suggestions are on; by default true if no issuer is set."
    )
    graphiql: bool | None = Field(
        None, description="Whether `/graphql` serves GraphiQL to browsers; by default true if no issuer is set."
    )

    max_document_reads: Annotated[int, Field(gt=0)] = Field(
        50_000, description="Maximum of document reads that a query may request; checked before it runs."
    )
    max_followed_documents: Annotated[int, Field(gt=0)] = Field(
        10_000, description="Maximum of documents of a subscription; above it, it ends with TOO_MANY_DOCUMENTS."
    )
    max_followed_documents_per_caller: Annotated[int, Field(gt=0)] = Field(
        100_000, description="Maximum of documents in memory for the subscriptions of one caller."
    )
    max_field_values: Annotated[int, Field(gt=0)] = Field(
        1_000_000, description="Maximum of field values that a query may request; a signed URL counts as 20."
    )
    max_r2_calls: Annotated[int, Field(gt=0)] = Field(
        1_000, description="Maximum of R2 calls that a query may request; checked before it runs."
    )
    max_response_bytes: Annotated[int, Field(gt=0)] = Field(
        16_777_216, description="Maximum size of a response's data in bytes; above it, the request is aborted."
    )
    reads_per_minute_user: Annotated[int, Field(gt=0)] = Field(
        100_000, description="Document reads a minute for each user."
    )
    reads_per_minute_worker: Annotated[int, Field(gt=0)] = Field(
        1_000_000, description="Document reads a minute for each worker."
    )
    reads_per_minute_admin: Annotated[int, Field(gt=0)] = Field(
        1_000_000, description="Document reads a minute for each admin."
    )
    requests_per_minute_anonymous: Annotated[int, Field(gt=0)] = Field(
        60, description="Requests a minute without a valid token for each client address."
    )
    requests_per_minute_user: Annotated[int, Field(gt=0)] = Field(1_200, description="Requests a minute for each user.")
    requests_per_minute_worker: Annotated[int, Field(gt=0)] = Field(
        60_000, description="Requests a minute for each worker."
    )
    requests_per_minute_admin: Annotated[int, Field(gt=0)] = Field(
        60_000, description="Requests a minute for each admin."
    )
    rate_limit_redis_url: SecretStr | None = Field(
        None, description="Redis (`redis://…`) in which processes share the rate limits."
    )
    request_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        10.0, description="Timeout of a request in seconds; its calls to Firestore are cancelled."
    )
    max_requests_in_flight: Annotated[int, Field(gt=0)] = Field(
        32, description="Maximum of concurrent requests of a process; above it, requests get 503."
    )
    max_sockets_per_caller: Annotated[int, Field(gt=0)] = Field(
        100,
        description="Maximum of concurrent WebSockets and event streams of a caller, "
        "and of unauthenticated WebSockets of an address.",
    )
    trusted_proxy_hops: Annotated[int, Field(ge=0)] = Field(
        0, description="Number of trusted proxies that append to `X-Forwarded-For`; with 0 the header is ignored."
    )

    max_upload_bytes: Annotated[int, Field(gt=0)] = Field(
        5_368_709_120, description="Maximum size of an uploaded file in bytes; at most 5 GiB."
    )
    max_body_bytes: Annotated[int, Field(gt=0)] = Field(
        1_048_576, description="Maximum size of a request body in bytes; above it, requests get 413."
    )

    @field_validator("r2_endpoint_url")
    @classmethod
    def _parse_endpoint_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://unset")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address such as https://ACCOUNT.r2.cloudflarestorage.com")
        return value

    @field_validator("rate_limit_redis_url")
    @classmethod
    def _parse_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must be an address such as redis://HOST:6379/0")
        return value

    @property
    def has_issuer(self) -> bool:
        """Whether callers are told apart: some issuer of tokens, or some API key, is set."""
        return bool(self.auth_firebase_project or self.auth_issuers or self.auth_worker_audience or self.auth_api_keys)

    @property
    def is_strict(self) -> bool:
        """Whether users may run documents of the manifest only."""
        if self.trusted_documents_only is None:
            return self.has_issuer and self.trusted_documents is not None
        return self.trusted_documents_only

    @property
    def has_introspection(self) -> bool:
        """Whether the schema can be asked for, and errors say which name was meant."""
        return not self.has_issuer if self.introspection is None else self.introspection

    @property
    def has_graphiql(self) -> bool:
        """Whether browsers get GraphiQL."""
        return not self.has_issuer if self.graphiql is None else self.graphiql

    @property
    def is_embedded(self) -> bool:
        """Whether clipgraph brings its own Firestore and S3."""
        return self.google_cloud_project is None and self.firestore_emulator_host is None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK_HOSTS

    @property
    def resolved_r2_endpoint_url(self) -> str | None:
        """R2's S3 endpoint: the one that is set, or else the account's."""
        if self.r2_endpoint_url is None and self.r2_account_id is not None:
            return f"https://{self.r2_account_id}.r2.cloudflarestorage.com"
        return self.r2_endpoint_url

    def resolve_r2(self) -> "R2Settings":
        """The settings of an R2 client, as they are now; `ConfigurationError` names the missing variables."""
        endpoint_url, bucket = self.resolved_r2_endpoint_url, self.r2_bucket
        key_id, secret = self.read_r2_credentials()
        if endpoint_url and bucket and key_id and secret:
            return R2Settings(endpoint_url, bucket, key_id, secret)
        named = dict(zip(R2_VARIABLES, (endpoint_url, bucket, key_id, secret), strict=True))
        raise HalfSetError([name for name, value in named.items() if not value])

    def read_r2_credentials(self) -> tuple[str, str]:
        """The id and the secret of R2's token as they are now, empty where they are not set."""
        key_id = self.r2_access_key_id or ""
        secret = self.r2_secret_access_key.get_secret_value() if self.r2_secret_access_key else ""
        if self.r2_credentials_file is None:
            return key_id, secret
        if key_id or secret:
            raise ConfigurationError(
                "Set either CLIPGRAPH_R2_CREDENTIALS_FILE or the access key id and secret, not both."
            )
        return read_credentials_file(self.r2_credentials_file)

    def assert_complete(self) -> None:
        """Raises `ConfigurationError` where some of what must be set together is set, and some is not."""
        if bool(self.auth_worker_audience) != bool(self.auth_worker_accounts):
            raise HalfSetError([f"CLIPGRAPH_AUTH_WORKER_{'ACCOUNTS' if self.auth_worker_audience else 'AUDIENCE'}"])
        if self.trusted_documents_only and self.trusted_documents is None:
            raise HalfSetError(["CLIPGRAPH_TRUSTED_DOCUMENTS"])
        try:
            self.resolve_r2()
        except HalfSetError as error:
            if self.is_embedded and len(error.names) == len(R2_VARIABLES):
                return
            firestore = ["GOOGLE_CLOUD_PROJECT (or FIRESTORE_EMULATOR_HOST)"] if self.is_embedded else []
            raise HalfSetError([*firestore, *error.names]) from None
        if self.is_embedded:
            raise HalfSetError(["GOOGLE_CLOUD_PROJECT (or FIRESTORE_EMULATOR_HOST)"])

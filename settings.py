"""The settings of clipgraph: one frozen object, read once from the environment."""

import json
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
    """What a client of R2 needs."""

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


def _check_address(value: str) -> str:
    """`value`, an address that nobody on the way can answer for: https, or plain http on this machine."""
    parts = urlsplit(value)
    if parts.scheme == "https" and parts.hostname:
        return value
    if parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS:
        return value
    raise ValueError("must begin with https:// (or with http:// and lead to this machine)")


def _check_origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be an origin such as https://app.example.com, without a path")
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


Address = Annotated[str, AfterValidator(_check_address)]
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_to_tuple), Field(min_length=1)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_check_origin)], ...], NoDecode, BeforeValidator(_split_commas)]
RoleName = Literal["user", "worker", "admin"]


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
        description="Port of the embedded S3; unset, the one after `CLIPGRAPH_PORT`, or where that is taken any.",
    )
    data_dir: Path = Field(Path("data"), description="Where the embedded Firestore and S3 keep their data.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="How log lines look; `auto` is `console` on a terminal and `json` elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level that is logged."
    )

    google_cloud_project: str | None = Field(
        None, validation_alias="GOOGLE_CLOUD_PROJECT", description="The Google Cloud project whose Firestore is used."
    )
    firestore_emulator_host: str | None = Field(
        None,
        validation_alias="FIRESTORE_EMULATOR_HOST",
        description="`host:port` of a Firestore emulator to use instead of a project's own Firestore.",
    )
    firestore_database: str = Field("(default)", description="The id of the Firestore database.")
    firestore_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        10.0, description="Seconds after which a call to Firestore is given up, its retries included."
    )

    statistics_window_ms: Annotated[int, Field(ge=0, le=10_000)] = Field(
        250, description="Milliseconds within which single status changes of one video's clips become one commit."
    )

    clip_cache_mb: Annotated[int, Field(ge=0)] = Field(
        64, description="MiB of memory for clips and answers that were read before and have not changed; 0 keeps none."
    )

    r2_account_id: str | None = Field(None, description="The Cloudflare account; gives R2's endpoint its address.")
    r2_endpoint_url: str | None = Field(None, description="R2's S3 endpoint, where it is not the account's own.")
    r2_bucket: str | None = Field(None, description="The bucket with the clips.")
    r2_access_key_id: str | None = Field(None, description="The id of an R2 API token.")
    r2_secret_access_key: SecretStr | None = Field(None, description="The secret of that R2 API token.")
    r2_credentials_file: Path | None = Field(
        None, description="A file with that token in AWS's format, read again when it changes, instead of the two."
    )
    url_window_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        900, description="Presigned URLs stay the same for this long, so that browsers can cache them."
    )

    auth_firebase_project: str | None = Field(
        None, description="The Firebase project whose users may call, by their ID tokens."
    )
    auth_firebase_roles_claim: str | None = Field(
        None, description="The custom claim of Firebase that says `worker` or `admin`; unset, nobody is either."
    )
    auth_issuers: Annotated[tuple[IssuerSettings, ...], NoDecode, BeforeValidator(_parse_json)] = Field(
        (), description="Other OpenID Connect providers whose users may call: a JSON list (see docs/security.md)."
    )
    auth_token_header: str | None = Field(
        None, description="A header in which a proxy passes callers' tokens on, where there is no `Authorization`."
    )
    auth_worker_audience: str | None = Field(
        None, description="The audience of Google's tokens for service accounts that are workers."
    )
    auth_worker_accounts: Names = Field(
        (), description="Emails of the service accounts that are workers, separated by commas."
    )
    auth_api_keys: Annotated[tuple[ApiKeySettings, ...], NoDecode, BeforeValidator(_parse_json)] = Field(
        (), description="Names, SHA-256 hashes and roles of API keys: a JSON list (see docs/security.md)."
    )
    auth_admin_user_ids: Names = Field((), description="Ids of users who are admins, separated by commas.")
    allowed_origins: Origins = Field(
        (), description="Origins of other pages that may call, separated by commas; this server's own always may."
    )
    trusted_documents: Path | None = Field(
        None, description="The manifest of the frontend's documents: a JSON file from ids to texts."
    )
    trusted_documents_only: bool | None = Field(
        None, description="Whether users may run documents of the manifest only; unset, where an issuer is set."
    )
    introspection: bool | None = Field(
        None, description="Whether the schema can be asked for and guessed; unset, where no issuer is set."
    )
    graphiql: bool | None = Field(
        None, description="Whether browsers get GraphiQL at `/graphql`; unset, where no issuer is set."
    )

    max_document_reads: Annotated[int, Field(gt=0)] = Field(
        50_000, description="A query that could read more documents than this is refused before it runs."
    )
    max_followed_documents: Annotated[int, Field(gt=0)] = Field(
        10_000, description="A subscription to more documents than this ends with TOO_MANY_DOCUMENTS."
    )
    max_followed_documents_per_caller: Annotated[int, Field(gt=0)] = Field(
        100_000, description="A caller whose subscriptions have this many documents in memory opens no more."
    )
    max_field_values: Annotated[int, Field(gt=0)] = Field(
        1_000_000, description="A query that could make more values than this is refused; a signed URL counts as 20."
    )
    max_r2_calls: Annotated[int, Field(gt=0)] = Field(
        1_000, description="A query that could ask R2 more often than this is refused before it runs."
    )
    max_response_bytes: Annotated[int, Field(gt=0)] = Field(
        16_777_216, description="A query is given up when its answer's data has more bytes than this."
    )
    reads_per_minute_user: Annotated[int, Field(gt=0)] = Field(
        100_000, description="Documents that a user may have read in a minute."
    )
    reads_per_minute_worker: Annotated[int, Field(gt=0)] = Field(
        1_000_000, description="Documents that a worker may have read in a minute."
    )
    reads_per_minute_admin: Annotated[int, Field(gt=0)] = Field(
        1_000_000, description="Documents that an admin may have read in a minute."
    )
    requests_per_minute_anonymous: Annotated[int, Field(gt=0)] = Field(
        60, description="Requests without a good token that an address may send in a minute."
    )
    requests_per_minute_user: Annotated[int, Field(gt=0)] = Field(
        1_200, description="Requests that a user may send in a minute."
    )
    requests_per_minute_worker: Annotated[int, Field(gt=0)] = Field(
        60_000, description="Requests that a worker may send in a minute."
    )
    requests_per_minute_admin: Annotated[int, Field(gt=0)] = Field(
        60_000, description="Requests that an admin may send in a minute."
    )
    rate_limit_redis_url: SecretStr | None = Field(
        None, description="A Redis (`redis://…`) by which processes share what callers may do in a minute."
    )
    request_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        10.0, description="Seconds after which a request is given up, and what it does underneath cancelled."
    )
    max_requests_in_flight: Annotated[int, Field(gt=0)] = Field(
        64, description="Requests that run at once in a process; what comes beyond that is refused with 503."
    )
    max_sockets_per_caller: Annotated[int, Field(gt=0)] = Field(
        100,
        description="WebSockets and event streams of a caller at once; "
        "WebSockets of an address that has not said who it is.",
    )
    trusted_proxy_hops: Annotated[int, Field(ge=0)] = Field(
        0, description="Proxies before this server that add to `X-Forwarded-For`; with 0 that header is not believed."
    )

    max_upload_bytes: Annotated[int, Field(gt=0)] = Field(
        5_368_709_120, description="Files above this many bytes cannot be uploaded; 5 GiB at most."
    )
    max_body_bytes: Annotated[int, Field(gt=0)] = Field(
        1_048_576, description="Request bodies above this many bytes are refused with 413."
    )

    @field_validator("r2_endpoint_url")
    @classmethod
    def _check_endpoint_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://unset")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address such as https://ACCOUNT.r2.cloudflarestorage.com")
        return value

    @field_validator("rate_limit_redis_url")
    @classmethod
    def _check_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
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
        """What a client of R2 needs, as it is now; `ConfigurationError` names the variables that are missing."""
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
            raise ConfigurationError("Set CLIPGRAPH_R2_CREDENTIALS_FILE or the token's id and secret, and not both.")
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

"""Who is calling: on one's own machine the demo user; elsewhere nobody, until an issuer of tokens can be set."""

from gql.permissions import Principal, Role
from settings import ConfigurationError, Settings

DEMO_USER_ID = "demo"
DEMO_PRINCIPAL = Principal(user_id=DEMO_USER_ID, roles=frozenset({Role.USER, Role.WORKER}))


def assert_safe_to_serve(settings: Settings) -> None:
    """Raises `ConfigurationError` where requests without a token would reach real data or other machines."""
    if settings.google_cloud_project is not None and settings.firestore_emulator_host is None:
        raise ConfigurationError(
            "GOOGLE_CLOUD_PROJECT names a real Firestore, and this version cannot check callers' tokens yet: "
            "unset it to run embedded, or set FIRESTORE_EMULATOR_HOST to use an emulator."
        )
    if not settings.is_loopback:
        raise ConfigurationError(
            f"{settings.host} can be reached by other machines, and this version cannot check callers' tokens yet: "
            "listen on 127.0.0.1 (--host 127.0.0.1 or CLIPGRAPH_HOST)."
        )


def authenticate() -> Principal:
    """The caller of a request without a token: on loopback the demo user with a worker's rights."""
    return DEMO_PRINCIPAL

"""Where it is safe to serve."""

from settings import ConfigurationError, Settings

_WAYS = "CLIPGRAPH_AUTH_FIREBASE_PROJECT, CLIPGRAPH_AUTH_ISSUERS or CLIPGRAPH_AUTH_API_KEYS"


def assert_safe_to_serve(settings: Settings) -> None:
    """Raises `ConfigurationError` where requests without a token would reach real data or other machines."""
    if settings.has_issuer:
        return
    if settings.google_cloud_project is not None and not settings.firestore_emulator_host:
        raise ConfigurationError(
            f"GOOGLE_CLOUD_PROJECT names a real Firestore, but authentication is not configured: set {_WAYS} "
            "(see docs/security.md), or unset it to run embedded."
        )
    if not settings.is_loopback:
        raise ConfigurationError(
            f"{settings.host} is reachable from other machines, but authentication is not configured: set {_WAYS} "
            "(see docs/security.md), or listen on 127.0.0.1 (--host 127.0.0.1 or CLIPGRAPH_HOST)."
        )

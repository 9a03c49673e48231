# clipgraph as an image: `docker build -t clipgraph .`; docs/operating.md says how to run it.
# tests/test_dockerfile.py runs these steps without a docker engine: keep them as plain as they are.

# A tag moves with its security fixes. To pin the base, pass its digest:
# `--build-arg BASE=python:3.12-slim@sha256:…`
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
# npm only fetches GraphiQL's files; the final image does not contain it.
RUN apt-get update && apt-get install -y --no-install-recommends npm && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv /opt/clipgraph
RUN /opt/clipgraph/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements/run.txt
RUN python -m pip install --disable-pip-version-check --require-hashes -r requirements/build.txt
COPY . .
# fetch.py exits without an error if it has no network, so check the marker of a complete set.
RUN python web/graphiql/fetch.py && test -f web/dist/graphiql/.complete
RUN python -m pip wheel --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheels .
RUN /opt/clipgraph/bin/python -m pip install --disable-pip-version-check --no-index --no-deps /wheels/*.whl

FROM ${BASE}
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin clipgraph
RUN install -d -o clipgraph -g clipgraph /data
COPY --from=build /opt/clipgraph /opt/clipgraph
ENV PATH=/opt/clipgraph/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 CLIPGRAPH_DATA_DIR=/data
WORKDIR /data
USER clipgraph
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ.get('CLIPGRAPH_PORT', '8000') + '/livez', timeout=2)"]
# In exec form, so that SIGTERM reaches clipgraph itself, which finishes the running requests and exits.
ENTRYPOINT ["clipgraph"]
# Loopback only, unless CLIPGRAPH_HOST is set, which requires authentication.
CMD ["serve"]

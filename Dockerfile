# syntax=docker/dockerfile:1
# One image for both processes: `falco-operator` and `artifact-operator`.
# To get the same base again, name it by digest: --build-arg PYTHON=docker.io/library/python@sha256:…
ARG PYTHON=docker.io/library/python:3.11-slim

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m venv --without-pip /opt/falco-operator \
    && pip --python /opt/falco-operator/bin/python install --no-compile --require-hashes \
        --requirement requirements.lock \
    && pip install --require-hashes --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY actors actors
COPY resources resources
COPY cli cli
COPY sidecar sidecar
COPY supervisors supervisors
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /src/dist . \
    && pip --python /opt/falco-operator/bin/python install --no-compile --no-deps --no-index \
        /src/dist/*.whl
# Where it runs nothing can be written. Not by time stamps, which a rebuilt layer may not keep.
RUN python -m compileall -q -j 0 -o 2 --invalidation-mode unchecked-hash /opt/falco-operator/lib

FROM ${PYTHON}
# The base image comes without the standard library's bytecode.
RUN python -m compileall -q -j 0 -o 2 --invalidation-mode unchecked-hash -x 'site-packages|lib2to3' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/falco-operator /opt/falco-operator
# Docstrings, a megabyte or two of them, are for readers.
ENV PYTHONOPTIMIZE=2 PATH=/opt/falco-operator/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ARG REVISION=unknown
LABEL org.opencontainers.image.title="falco-operator" \
    org.opencontainers.image.description="Kubernetes operator for Falco, and its artifact sidecar" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}"
EXPOSE 8080 8081
WORKDIR /
USER 65532:65532
CMD ["falco-operator"]

# The image of a wheel: `python -m build`, then `docker build .`; a release builds it from the wheel that it publishes.
# The dependencies are those that the action installs, locked by hash. Dependabot moves the digest, of both stages.
FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build

COPY action/requirements.txt dist/*.whl /build/
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# A layer may lose the times of its files, which compiled modules are held against by default: these are just trusted.
RUN python -m venv --without-pip /opt/tokenctl \
 && pip="pip --quiet --python /opt/tokenctl/bin/python" \
 && $pip install --no-compile --only-binary :all: --require-hashes --requirement requirements.txt \
 && $pip install --no-compile --no-index --no-deps ./*.whl \
 && $pip check \
 && /opt/tokenctl/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/tokenctl

FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

# git is for --base. The base image, which is pinned, decides its distribution; an exact version there is soon gone.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*

COPY --from=build /opt/tokenctl /opt/tokenctl

# Nothing is ever written to the root file system, so it can be read-only; journals and outputs go to mounted folders.
ENV PATH=/opt/tokenctl/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/state
WORKDIR /work
USER 65532:65532
# tokenctl has handlers of its own for the signals that end it, as process 1 needs them: it has no default ones.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tokenctl"]

# The container that runs model-written code. Nothing is fetched while it is built: the wheels of
# envs/sandbox.lock are downloaded outside into the folder WHEELS of the build context.
#
#   docker build -t eager-evaluate:latest -f containers/evaluate.Dockerfile \
#       --network none --build-arg WHEELS=build/wheels .
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${BASE}
ARG WHEELS=build/wheels
COPY ${WHEELS} /wheels
# The variable is for a base whose Python belongs to the distribution; others ignore it.
RUN PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-index --no-deps --no-cache-dir \
        --disable-pip-version-check --root-user-action=ignore /wheels/*.whl \
    && rm -rf /wheels \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
# The launcher overrides this: its supervisor needs root without rights to hand out users.
USER 65534:65534
WORKDIR /
ENTRYPOINT ["python3"]

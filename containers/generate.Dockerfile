# Models and generation on NVIDIA GPUs: the published image of vLLM and the little it lacks.
# Built by `make images`: nothing is fetched in the build, wheels come with the build context.
ARG BASE=vllm/vllm-openai:v0.31.0@sha256:c1c9f6fd5c109ba7f0546a59f5b2f15fb87f64c77782e90a27b648b42a8e67c3
FROM ${BASE}
ARG SOURCE_DATE_EPOCH=1767225600
ENV LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
COPY wheels /wheels
RUN PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-index --no-deps --no-cache-dir \
        --disable-pip-version-check --root-user-action=ignore /wheels/*.whl
COPY image.json eager /opt/eager/
# The workflow's code is mounted when a step runs; this finds it.
RUN install -m 755 /opt/eager/eager /usr/local/bin/eager \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
USER 65534:65534
WORKDIR /
ENTRYPOINT []
RUN ["python3", "-c", "import pyarrow, pydantic, torch, transformers, typer, vllm"]

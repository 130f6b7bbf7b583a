# Steps without a GPU: data sets, prompts, verdicts of answers, metrics, tables, figures, report.
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
ENV PATH=/opt/eager/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC \
    PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
COPY --from=packages /opt/eager /opt/eager
COPY image.json eager /opt/eager/
# The workflow's code is mounted when a step runs; this finds it.
RUN install -m 755 /opt/eager/eager /opt/eager/bin/eager \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
USER 65534:65534
WORKDIR /
RUN ["python3", "-c", "import datasets, math_verify, matplotlib, pyarrow, pydantic, scipy, transformers, typer, yaml"]

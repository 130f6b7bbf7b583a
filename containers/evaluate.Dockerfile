# The container that runs model-written code.
# Built by `make images`: nothing is fetched in the build, wheels come with the build context.
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# Wheels stay in this stage, so that the image holds the packages once.
FROM ${BASE} AS packages
ARG SOURCE_DATE_EPOCH=1767225600
COPY wheels /wheels
RUN python3 -m venv --without-pip /opt/eager \
    && python3 -m pip --python /opt/eager/bin/python3 install --no-index --no-deps --no-cache-dir \
        --disable-pip-version-check --root-user-action=ignore /wheels/*.whl \
    && mkdir /opt/evalplus && mv /opt/eager/lib/python3*/site-packages/evalplus /opt/evalplus/

FROM ${BASE}
ENV PATH=/opt/eager/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC
COPY --from=packages /opt/eager /opt/eager
# Only the sanitizer's containers see it: it holds the rules of the checker.
COPY --from=packages /opt/evalplus /opt/evalplus
COPY image.json /opt/eager/
RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +
# The launcher overrides this: its supervisor needs root without rights to hand out users.
USER 65534:65534
WORKDIR /
ENTRYPOINT ["python3"]
RUN ["python3", "-c", "import sys; sys.path.append('/opt/evalplus'); import appdirs, evalplus, numpy, tempdir, termcolor, tqdm, tree_sitter, tree_sitter_python, wget"]

"""EAGer (arXiv 2510.11170) as one workflow; see README.md. This file only wires."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

DEMO = Path("config/demo.yaml")

# What --config or a profile says are keys of the demo; a module has a configuration of its own.
given = workflow.config_settings.overwrite_config
if config in ({}, given) and not workflow.overwrite_configfiles:

    configfile: str(DEMO if DEMO.exists() else Path(workflow.current_basedir, DEMO))


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/generate.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/exchange.smk"


rule all:
    default_target: True
    input:
        rules.tables.output,
        rules.report_page.output,

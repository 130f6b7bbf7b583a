"""EAGer (arXiv 2510.11170) as one workflow; see README.md. The workflow is in workflow/Snakefile."""


include: "workflow/Snakefile"


# Which the rules of an included file do not become.
workflow.default_target = "all"

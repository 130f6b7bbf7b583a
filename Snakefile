"""EAGer (arXiv 2510.11170) as one workflow; see README.md. The workflow is in workflow/Snakefile."""


include: "workflow/Snakefile"

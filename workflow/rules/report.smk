"""What people look at: figures, and one page with everything.

Inputs:  results of every cell and method, results/{experiment}/tables/*.csv, published figures
Outputs: results/{experiment}/figures/{model}--{dataset}--{figure}.svg and .png
         results/{experiment}/report.html
Steps:   draw_figures -> report_page.
"""


rule draw_figures:
    input:
        results=files_to_show(RESULT_FILES),
        published=EXPERIMENT.config.published or [],
    output:
        svg=[
            report(
                f"results/{NAME}/figures/{{model}}--{{dataset}}--{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="Figures",
                subcategory="{model} on {dataset}",
                labels={"figure": title},
            )
            for figure, title in FIGURES.items()
        ],
        png=[
            f"results/{NAME}/figures/{{model}}--{{dataset}}--{figure}.png"
            for figure in FIGURES
        ],
    log:
        f"logs/draw_figures/{NAME}/{{model}}--{{dataset}}.log",
    benchmark:
        f"benchmarks/draw_figures/{NAME}/{{model}}--{{dataset}}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(4000),
    params:
        cells=lambda wildcards: json.dumps(cells_to_show(wildcards)),
        folder=lambda wildcards, output: os.path.dirname(output.svg[0]),
        published=lambda wildcards, input: (
            f"--published {input.published}" if input.published else ""
        ),
        code=code_fingerprint("report.figures.draw"),
        software=stage_identity("stages", "report"),
    message:
        "draw figures of {wildcards.model} on {wildcards.dataset}"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager figures \
            --cells {params.cells:q} \
            --folder {params.folder:q} \
            --prefix {wildcards.model:q}--{wildcards.dataset:q}-- \
            {params.published} \
            --log {log:q}
        """


rule report_page:
    input:
        results=files_to_show([*RESULT_FILES, "run.json"]),
        shared=shared_files,
        tables=[
            rules.summarize.output.csv,
            rules.compare.output.csv,
            *(
                [rules.compare_published.output.csv]
                if EXPERIMENT.config.published
                else []
            ),
        ],
        figures=figure_files("svg"),
        captions=[f"workflow/report/{figure}.rst" for figure in FIGURES],
        page=[
            f"workflow/eager/report/page/{name}"
            for name in ["template.html", "style.css", "stored.js", "explorer.js"]
        ],
    output:
        page=report(
            f"results/{NAME}/report.html",
            caption="../report/page.rst",
            category="Report page",
            labels={"page": "tables, figures, branch explorer"},
        ),
    log:
        f"logs/report_page/{NAME}.log",
    benchmark:
        f"benchmarks/report_page/{NAME}.tsv"
    conda:
        conda_environment("stages")
    container:
        apptainer_image("stages")
    resources:
        mem_mb=growing(4000),
    params:
        cells=lambda wildcards: json.dumps(cells_to_show(wildcards)),
        tables=lambda wildcards, input: [f"--table {path}" for path in input.tables],
        figures=lambda wildcards, input: [f"--figure {path}" for path in input.figures],
        captions=lambda wildcards, input: [
            f"--caption {path}" for path in input.captions
        ],
        code=code_fingerprint("report.page.page"),
        software=stage_identity("stages", "report"),
        weights=model_files,
    message:
        "write the report"
    shell:
        r"""
        eager launch \
            --image stages \
            --read {input:q} {params.weights:q} \
            --write {output:q} {log:q} \
            --memory {resources.mem_mb} \
            -- \
            eager report \
            --cells {params.cells:q} \
            {params.tables} \
            {params.figures} \
            {params.captions} \
            --output {output.page:q} \
            --log {log:q}
        """

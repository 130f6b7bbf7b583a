"""What people look at: figures, and one page with everything.

Inputs:  results of every cell and method, results/{experiment}/tables/summary.csv
Outputs: results/{experiment}/figures/{model}--{dataset}--{figure}.svg and .png
Steps:   draw_figures.
"""


rule draw_figures:
    input:
        results=files_to_show(RESULT_FILES),
        published=PUBLISHED,
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
    resources:
        mem_mb=4000,
    params:
        cells=lambda wildcards: json.dumps(cells_to_show(wildcards)),
        folder=lambda wildcards, output: os.path.dirname(output.svg[0]),
        published=lambda wildcards, input: (
            f"--published {input.published}" if input.published else ""
        ),
        code=code_fingerprint("figures"),
    message:
        "draw figures of {wildcards.model} on {wildcards.dataset}"
    shell:
        r"""
        eager figures \
            --cells {params.cells:q} \
            --folder {params.folder:q} \
            --prefix {wildcards.model:q}--{wildcards.dataset:q}-- \
            {params.published} \
            --log {log:q}
        """

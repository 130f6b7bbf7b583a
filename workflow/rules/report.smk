"""What people look at: tables, figures, and one page with everything.

Inputs:  results of every cell and method, the file of published figures
Outputs: results/{experiment}/tables/      summary, comparison, rivals, parallel_curve, nested,
                                           published: .csv, .md, .tex; conclusion.md;
                                           tables.json, all of it for the page
         results/{experiment}/figures/     {model}/{dataset}/{figure}.svg and .png, and
                                           equal_tokens.svg and .png of all cells
         results/{experiment}/report.html
Steps:   tables -> draw_figures -> report_page.
"""

DRAWN = ["sequences.parquet", "branches.parquet", "verdicts.parquet"]


rule tables:
    input:
        metrics=PLAN.metrics(),
        imported=IMPORTED,
        published=PUBLISHED,
    output:
        multiext("<tables>/summary", ".csv", ".md", ".tex"),
        multiext("<tables>/comparison", ".csv", ".md", ".tex"),
        multiext("<tables>/cost", ".csv", ".md", ".tex"),
        multiext("<tables>/secondary", ".csv", ".md", ".tex"),
        multiext("<tables>/pairs", ".csv", ".md", ".tex"),
        multiext("<tables>/rivals", ".csv", ".md", ".tex"),
        multiext("<tables>/seeds", ".csv", ".md", ".tex"),
        multiext("<tables>/parallel_curve", ".csv", ".md", ".tex"),
        multiext("<tables>/published", ".csv", ".md", ".tex"),
        "<tables>/conclusion.md",
        "<tables>/tables.json",
        multiext(f"results/{NAME}/figures/equal_tokens", ".svg", ".png"),
    log:
        f"logs/{NAME}/tables.log",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by(
            "report.tables.experiment:write_experiment",
            stage_identity("stages", "report"),
        ),
        shown=PLAN.shown,
        content=content(*SHOWN_FILES),
        rivals=PLAN.rivals,
        folder=subpath(output[0], parent=True),
    shell:
        many("tables", "--folder {params.folder:q}")


rule draw_figures:
    input:
        tables="<tables>/tables.json",
        results=lambda wildcards: PLAN.files(DRAWN, wildcards.model, wildcards.dataset),
        metrics=lambda wildcards: PLAN.metrics(wildcards.model, wildcards.dataset),
        imported=IMPORTED,
        published=PUBLISHED,
    output:
        svg=[
            report(
                f"results/{NAME}/figures/{{model}}/{{dataset}}/{name}.svg",
                caption=f"../eager/report/page/captions/{name}.rst",
                category="Figures",
                subcategory="{model} on {dataset}",
                labels={"figure": title},
            )
            for name, title in TITLES.items()
        ],
        png=[
            f"results/{NAME}/figures/{{model}}/{{dataset}}/{name}.png"
            for name in TITLES
        ],
    log:
        f"logs/{NAME}/{{model}}/{{dataset}}/draw_figures.log",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by(
            "report.figures.draw:draw_figures", stage_identity("stages", "report")
        ),
        shown=PLAN.shown,
        content=content(*SHOWN_FILES),
        folder=lambda _, output: str(Path(output.svg[0]).parent),
    shell:
        many(
            "figures",
            "--model {wildcards.model:q} --dataset {wildcards.dataset:q} --folder {params.folder:q}",
        )


rule report_page:
    input:
        tables="<tables>/tables.json",
        results=PLAN.files([*DRAWN, "run.json"]),
        imported=IMPORTED,
        shared=PLAN.shared_files(),
        published=PUBLISHED,
        figures=[
            f"results/{NAME}/{name}" for name in figure_names(PLAN.resolved, "svg")
        ],
    output:
        report(
            f"results/{NAME}/report.html",
            caption="../eager/report/page/captions/page.rst",
            category="Report page",
            labels={"page": "tables, figures, branch explorer"},
        ),
    log:
        f"logs/{NAME}/report_page.log",
    conda:
        "../../envs/stages.yaml"
    params:
        **made_by(
            "report.page.page:report_experiment", stage_identity("stages", "report")
        ),
        shown=PLAN.shown,
        content=content(*SHOWN_FILES),
        weights=weights,
    shell:
        many("report", "--output {output:q}", "--read {params.weights:q}")

"""``landbridge image``: the three steps on pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from landbridge.cli import options
from landbridge.cli.failures import explained
from landbridge.cli.outcome import command_again, deliver, finish, split_names
from landbridge.cli.progress import progress_bars

image_app = typer.Typer(
    no_args_is_help=True, help="Pictures: from many labelled ones to few of another kind."
)
Model = Annotated[Path, typer.Argument(help="A model.landbridge that image run has written.")]


@image_app.command()
def run(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder with a folder of pictures for each class, or a CSV file of paths and "
            "labels."
        ),
    ],
    target: Annotated[
        Path | None,
        typer.Argument(
            help="The same of the target; pictures in a folder named unlabelled, or with a blank "
            "label, have none. With one argument it is the target, and a pretrained backbone the "
            "source.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the results.")
    ] = Path("landbridge-image"),
    features: Annotated[
        str,
        typer.Option(
            help="hog, colour, pixels or several with a plus between; cnn, trained on the source; "
            "timm:NAME or keras:NAME, pretrained."
        ),
    ] = "hog+colour",
    size: Annotated[
        int | None,
        typer.Option(help="Pixels a side, as the features want by default.", show_default=False),
    ] = None,
    candidates: Annotated[
        str | None,
        typer.Option(
            help="Mappings and target learners to compare, by default recentre,augmentation,"
            "prototype; or, to train the backbone, recipes such as lp-ft,lora,auto and deep:dann.",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="A folder to keep features in, for later runs.", show_default=False),
    ] = None,
    label: Annotated[str, typer.Option("--label", "-l", help="In a CSV file, the labels.")] = (
        "label"
    ),
    path: Annotated[str, typer.Option(help="In a CSV file, the column of paths.")] = "path",
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of networks, 30 by default.", show_default=False),
    ] = None,
    metric: options.Metric = None,
    folds: options.Folds = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="How often they are split anew, once by default.", show_default=False),
    ] = None,
    seed: options.Seed = None,
    jobs: options.Jobs = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Learn from the pictures of one folder, label those of another, and see whether it helped.

    Writes model.landbridge, report.html with pictures, and results.json. Damaged files are
    listed; of pictures that are nearly the same one is used.
    """
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.blas import one_blas_thread
        from landbridge.cli.inputs import check_folder
        from landbridge.cli.screen import show_run
        from landbridge.kits.image import run_images
        from landbridge.training import Training

        check_folder(output)
        if cache is not None:
            check_folder(cache, "--cache")
        given: dict[str, Any] = {
            "features": features,
            "size": size,
            "candidates": split_names(candidates),
            "cache": cache,
            "label": label,
            "path": path,
            "metric": metric,
            "n_folds": folds,
            "n_repeats": repeats,
            "seed": seed,
            "n_jobs": jobs,
        }
        domains = (None, source) if target is None else (source, target)
        with progress_bars(not (quiet or as_json)) as progress, one_blas_thread():
            outcome = run_images(
                *domains,
                training=None if epochs is None else Training(max_epochs=epochs),
                command=command_again(
                    ["image", "run", *(one for one in (source, target) if one)],
                    {"output": output, **given, "epochs": epochs},
                    {"label": "label", "path": "path"},
                ),
                progress=progress,
                **{name: value for name, value in given.items() if value is not None},
            )
            written = outcome.save(output)
        finish(outcome.results, written, show_run, as_json, quiet)


@image_app.command()
def predict(
    model: Model,
    files: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A CSV file, instead of stdout.", show_default=False),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Label each picture, with probabilities; files that cannot be read are listed on stderr."""
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.failures import show_warnings
        from landbridge.cli.inputs import check_folder
        from landbridge.kits.image import predict_files

        if output is not None:
            check_folder(output.absolute().parent)
        found, unreadable = predict_files(_loaded(model), files)
        if not quiet:
            show_warnings([f"{name} cannot be read: {why}" for name, why in unreadable.items()])
        deliver(found, output, as_json, quiet)


@image_app.command()
def export(
    model: Model,
    output: Annotated[Path, typer.Argument(help="The file to write, such as model.onnx.")],
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Write a model to ONNX, from the bytes of a picture to probabilities."""
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.inputs import check_folder
        from landbridge.kits.image import export_pictures

        check_folder(output.absolute().parent)
        loaded = _loaded(model)
        export_pictures(loaded, output)
        if not quiet:
            size = loaded.features_.size
            typer.echo(f"{output} takes bytes of pictures (n, {size}, {size}, 3)")


def _loaded(model: Path) -> Any:
    from landbridge.cli.inputs import model_of
    from landbridge.kits.image import ImageTransfer

    return model_of(model, ImageTransfer, "give one that landbridge image run has written.")

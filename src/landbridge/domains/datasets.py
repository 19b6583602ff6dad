"""The data sets that landbridge knows by name; none is shipped with it but the digits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_svmlight_file

from landbridge.domains.digits import digits_by_writer
from landbridge.domains.fetching import DataFile, find_file
from landbridge.domains.problem import Task
from landbridge.domains.reading import Table, read_table
from landbridge.domains.wording import listed

_GITHUB = "https://raw.githubusercontent.com"
_BROWNLEE = f"{_GITHUB}/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f"
_BAHER = f"{_GITHUB}/rsbaher/udemy-heart-disease-2023/6f565ae36156d64aafb9c1855b9e51357db915df/data"
_STEDY = (
    f"{_GITHUB}/stedy/Machine-Learning-with-R-datasets/ff933238d9c30da179b7e3ad4b6ca938d67efc53"
)
_GERON = f"{_GITHUB}/ageron/handson-ml2/1e2115277b50f6c584cd668fa30e3af309a5b136/datasets/housing"
_OMNIGRAM = f"{_GITHUB}/tim-taylor/omnigram/21e3d92b200a9eeca62c95d14b1302664f073426/data"
_FLAMARY = f"{_GITHUB}/rflamary/OTML_DS3_2018/4ec13b5453c77f5773a839046ae79a8f1cd29ddf/data"
_SURF = (
    f"{_GITHUB}/redhat12345/OfficeCaltechDomainAdaptation/"
    "74f70487e1b975d1af05bb9a2ecfbf14a7000080/features/surf"
)
_GRAAL = (
    f"{_GITHUB}/GRAAL-Research/domain_adversarial_neural_network/"
    "74eec5e0ae06bd6614bce048abba492c16a633e3/data"
)
_UCI = "https://archive.ics.uci.edu/dataset"

Loader = Callable[[dict[str, Path], str], pd.DataFrame]


@dataclass(frozen=True)
class DataSet:
    """A data set of several domains: its files, terms, origin and what is to be predicted.

    ``load`` takes the files by name and a domain, and returns that domain's table.
    """

    name: str
    title: str
    files: tuple[DataFile, ...]
    licence: str
    citation: str
    homepage: str
    domains: tuple[str, ...]
    label: str
    task: Task
    load: Loader

    @property
    def how(self) -> str:
        """How to get the files by hand."""
        return _BY_HAND.get(self.name, f"The set is described at {self.homepage}.")


_BY_HAND = {
    "bike_sharing": (
        f"Get hour.csv from {_UCI}/275/bike+sharing+dataset, with line feeds alone at the ends "
        "of its lines, and call it bike.csv."
    ),
}


def fetch(name: str) -> list[Path]:
    """The files of a data set on this machine, downloaded where needed, checksums verified.

    Parameters
    ----------
    name : str
        A name in ``DATASETS``. The digits come with scikit-learn and have no files.

    Raises
    ------
    KeyError
        If there is no such data set.
    FileNotFoundError, OSError, ValueError
        If a file is missing and has no address, cannot be downloaded, or is another one.

    Examples
    --------
    >>> from landbridge.domains import fetch
    >>> fetch("digits")
    []
    """
    data = _data_set(name)
    return [find_file(file, data.how) for file in data.files]


def load_domains(name: str, source: str, target: str) -> tuple[Table, Table]:
    """Two domains of a data set as tables with the label as a column.

    Parameters
    ----------
    name : str
        A name in ``DATASETS``.
    source, target : str
        Two of its ``domains``.

    Raises
    ------
    KeyError
        If there is no such data set or domain.
    FileNotFoundError, OSError, ValueError
        As ``fetch``.

    Examples
    --------
    >>> from landbridge.domains import load_domains
    >>> source, target = load_domains("digits", "first_writers", "last_writers")
    >>> source.frame.shape, target.frame.shape
    ((906, 65), (891, 65))
    """
    data = _data_set(name)
    for domain in (source, target):
        if domain not in data.domains:
            raise KeyError(
                f"{name} has no domain {domain!r}. Choose from: {listed(data.domains, 20)}."
            )
    files = {path.name: path for path in fetch(name)}
    first, second = (
        Table(data.load(files, domain), f"{name}: {domain}", notes=(f"{data.title}.",))
        for domain in (source, target)
    )
    return first, second


def _data_set(name: str) -> DataSet:
    if name not in DATASETS:
        raise KeyError(f"There is no data set {name!r}. Choose from: {listed(DATASETS, 20)}.")
    return DATASETS[name]


def _table(path: Path, names: str | None = None) -> pd.DataFrame:
    frame = read_table(path).frame
    return frame if names is None else frame.set_axis(names.split(), axis=1)


def _load_digits(files: dict[str, Path], domain: str) -> pd.DataFrame:
    return digits_by_writer()[domain == "last_writers"]


def _load_heart(files: dict[str, Path], domain: str) -> pd.DataFrame:
    """Disease yes or no: the files grade it from 0 (none) to 4."""
    frame = _table(files[f"processed.{domain}.data"])
    disease = (frame["target"] > 0).astype(int)
    return frame.drop(columns="target").assign(disease=disease)


def _load_wine(files: dict[str, Path], domain: str) -> pd.DataFrame:
    names = (
        "fixed_acidity volatile_acidity citric_acid residual_sugar chlorides "
        "free_sulfur_dioxide total_sulfur_dioxide density pH sulphates alcohol quality"
    )
    return _table(files[f"winequality-{domain}.csv"], names)


def _load_abalone(files: dict[str, Path], domain: str) -> pd.DataFrame:
    names = "sex length diameter height whole shucked viscera shell rings"
    return _where(_table(files["abalone.csv"], names), "sex", domain[0].upper())


def _load_mushroom(files: dict[str, Path], domain: str) -> pd.DataFrame:
    return _where(_table(files["mushrooms.csv"]), "stalk_shape", domain[0])


def _load_housing(files: dict[str, Path], domain: str) -> pd.DataFrame:
    return _where(_table(files["housing.csv"]), "ocean_proximity", domain)


def _load_bikes(files: dict[str, Path], domain: str) -> pd.DataFrame:
    """Without the two columns that add up to the label, and without the row number."""
    frame = _table(files["bike.csv"]).drop(columns=["casual", "registered", "instant"])
    return _where(frame, "yr", int(domain) - 2011)


def _load_cars(files: dict[str, Path], domain: str) -> pd.DataFrame:
    names = "mpg cylinders displacement horsepower weight acceleration year origin car"
    origin = 1 + ("usa", "europe", "japan").index(domain)
    return _where(_table(files["auto-mpg.data"], names), "origin", origin)


def _where(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """The rows of one domain, without the column that tells the domains apart."""
    return frame[frame[column] == value].drop(columns=column).reset_index(drop=True)


def _load_objects(files: dict[str, Path], domain: str) -> pd.DataFrame:
    by_domain = {name.split("_")[0].lower(): path for name, path in files.items()}
    return _table(by_domain[domain]).rename(columns={"labels": "object"})


def _load_mnist_usps(files: dict[str, Path], domain: str) -> pd.DataFrame:
    side = "s" if domain == "mnist" else "t"
    with np.load(files["mnist_usps.npz"], allow_pickle=False) as arrays:
        pixels, digit = arrays[f"x{side}"], arrays[f"y{side}"]
    return read_table(pixels).frame.assign(digit=digit)


def _load_reviews(files: dict[str, Path], domain: str) -> pd.DataFrame:
    name = domain if domain.endswith("_test") else f"{domain}_train"
    counts, sentiment = load_svmlight_file(str(files[f"{name}.svmlight"]), n_features=5000)
    return read_table(counts).frame.assign(sentiment=sentiment.astype(int))


def _by_name(*data_sets: DataSet) -> dict[str, DataSet]:
    return {data.name: data for data in data_sets}


_REVIEWS = {
    "books_test": "fe4605c7dcf0e0a9410fd2a32f247caaf9abb352cc6e4c3e0f400853163ad9c4",
    "books_train": "317f9a2ec34b81de770b63a84d8c5cc2dc16bd0be6e079d2ff5b5bad5213ea19",
    "dvd_test": "4fe1b1a15010f78d8d0c49fe362d35fd4677463a45f1ac02a9f410ae1e638060",
    "dvd_train": "95f602aa08bf6b55758f7b0b18df3882fe30acb11987ee60b6b4bb3c44cba733",
    "electronics_test": "641783bc941839c3a111d3488a1b7e3bd820a61ec14a129e7429b47703aa961d",
    "electronics_train": "7d0061f03ff3827e4f8036b051b5e5828fddc0cd115aa5b212cd28d624dc14e4",
    "kitchen_test": "e1502b97a824eb12314be4447394fa736fecb781c0724e6529cd6733ac7ff6d8",
    "kitchen_train": "a70b5ebfe1413e0e16280360905f5c3b64389c435cd20c0165dc9d7f293b31b5",
}

_UNREAD = "Open terms that were not verified here: read the set's page before passing it on."

DATASETS: dict[str, DataSet] = _by_name(
    DataSet(
        name="digits",
        title="Handwritten digits split by writer",
        files=(),
        licence="Comes with scikit-learn, under the BSD 3-clause licence.",
        citation="Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI",
        homepage=f"{_UCI}/80/optical+recognition+of+handwritten+digits",
        domains=("first_writers", "last_writers"),
        label="digit",
        task="classification",
        load=_load_digits,
    ),
    DataSet(
        name="heart_disease",
        title="Heart disease in four hospitals",
        files=(
            DataFile(
                "heart_disease/processed.cleveland.data",
                "417c9c9b4786a091ccd53c141513ffb1e5bd492afd4c01c87f76228d23c66910",
                f"{_BAHER}/processed.cleveland.data",
            ),
            DataFile(
                "heart_disease/processed.hungarian.data",
                "d5c34e6c57d3cb1213d542bab964eab45dfcc34dfaa9a4585861943ad7db63fb",
                f"{_BAHER}/processed.hungarian.data",
            ),
            DataFile(
                "heart_disease/processed.switzerland.data",
                "5c325b1a8ce31b82c58e0dbbe3e5e54f0f685fead727c228fcb22356de706c76",
                f"{_BAHER}/processed.switzerland.data",
            ),
            DataFile(
                "heart_disease/processed.va.data",
                "7768a433fcb7971f4e3667e7ee081c84ac7bde9903e3dcc59cab887933a52da3",
                f"{_BAHER}/processed.va.data",
            ),
        ),
        licence=f"{_UNREAD} The authors ask that publications name the investigators.",
        citation=(
            "Andras Janosi (Budapest), William Steinbrunn (Zurich), Matthias Pfisterer (Basel), "
            "Robert Detrano (Long Beach and Cleveland); Detrano et al. 1989, American Journal of "
            "Cardiology"
        ),
        homepage=f"{_UCI}/45/heart+disease",
        domains=("cleveland", "hungarian", "switzerland", "va"),
        label="disease",
        task="classification",
        load=_load_heart,
    ),
    DataSet(
        name="wine_quality",
        title="Quality of red and white wine",
        files=(
            DataFile(
                "wine_quality/winequality-red.csv",
                "c9614512e980f1cbd221c796daa97f00c4898c3cd1716863abac60f6cd1a522e",
                f"{_BROWNLEE}/winequality-red.csv",
            ),
            DataFile(
                "wine_quality/winequality-white.csv",
                "659d419fff887f225bf977d20520bb64a64cae203e460087f809721d4430ba27",
                f"{_BROWNLEE}/winequality-white.csv",
            ),
        ),
        licence="Publicly available for research; the authors ask to be cited.",
        citation=(
            "Cortez, Cerdeira, Almeida, Matos and Reis 2009, Modeling wine preferences by data "
            "mining from physicochemical properties, Decision Support Systems 47(4), 547-553"
        ),
        homepage=f"{_UCI}/186/wine+quality",
        domains=("red", "white"),
        label="quality",
        task="regression",
        load=_load_wine,
    ),
    DataSet(
        name="abalone",
        title="Age of abalones by sex",
        files=(
            DataFile(
                "abalone/abalone.csv",
                "eb2de13be807e9bb9ec4128b9c89b98ab23d7739121cfd17b7dde69b46ba7bf6",
                f"{_BROWNLEE}/abalone.csv",
            ),
        ),
        licence=_UNREAD,
        citation="Nash et al. 1994, The Population Biology of Abalone in Tasmania",
        homepage=f"{_UCI}/1/abalone",
        domains=("male", "female", "infant"),
        label="rings",
        task="regression",
        load=_load_abalone,
    ),
    DataSet(
        name="mushroom",
        title="Edible and poisonous mushrooms by the shape of their stalk",
        files=(
            DataFile(
                "mushroom/mushrooms.csv",
                "758f8af700c43b5dec249e83c97ecf239daf2f6fb8c0b9dd6a25fd47e7dd3311",
                f"{_STEDY}/mushrooms.csv",
            ),
        ),
        licence=_UNREAD,
        citation="Schlimmer 1987, Mushroom, UCI; split of Dai et al., ICML 2007",
        homepage=f"{_UCI}/73/mushroom",
        domains=("enlarging", "tapering"),
        label="type",
        task="classification",
        load=_load_mushroom,
    ),
    DataSet(
        name="california_housing",
        title="House values in California by distance from the ocean",
        files=(
            DataFile(
                "california_housing/housing.csv",
                "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
                f"{_GERON}/housing.csv",
            ),
        ),
        licence=f"The repository that holds this copy is under Apache 2.0. {_UNREAD}",
        citation="Pace and Barry 1997, Sparse Spatial Autoregressions",
        homepage="https://github.com/ageron/handson-ml2",
        domains=("<1H OCEAN", "INLAND", "NEAR OCEAN", "NEAR BAY"),
        label="median_house_value",
        task="regression",
        load=_load_housing,
    ),
    DataSet(
        name="bike_sharing",
        title="Hourly bicycle hire in two years",
        files=(
            DataFile(
                "bike_sharing/bike.csv",
                "b03a2d02e8c10f435c43c7f0b358b7e34a003afea53dbc37f0183f2763295133",
            ),
        ),
        licence=_UNREAD,
        citation="Fanaee-T and Gama 2014, Event labeling combining ensemble detectors",
        homepage=f"{_UCI}/275/bike+sharing+dataset",
        domains=("2011", "2012"),
        label="cnt",
        task="regression",
        load=_load_bikes,
    ),
    DataSet(
        name="auto_mpg",
        title="Fuel consumption of cars by where they were built",
        files=(
            DataFile(
                "auto_mpg/auto-mpg.data",
                "2bbfe0be72e4dbbcdc6d31d6945eb599361203bb3ca69d26756edcc4a7429999",
                f"{_OMNIGRAM}/auto-mpg.data",
            ),
        ),
        licence=f"The repository that holds this copy is under GPL 2. {_UNREAD}",
        citation="Quinlan, ICML 1993",
        homepage=f"{_UCI}/9/auto+mpg",
        domains=("usa", "europe", "japan"),
        label="mpg",
        task="regression",
        load=_load_cars,
    ),
    DataSet(
        name="office_caltech10_surf",
        title="Ten kinds of objects in four sets of pictures (SURF features)",
        files=(
            DataFile(
                "office_caltech10_surf/amazon_SURF_L10.mat",
                "df32548b994e18d364c99e1f317e1fae100597259f0423a41b90f4f68187bb1f",
                f"{_SURF}/amazon.mat",
            ),
            DataFile(
                "office_caltech10_surf/Caltech10_SURF_L10.mat",
                "4f9334c8ced489d5054de97a5fd51a61f017f3bcd1f38c9a85c6d78cb9d7bda5",
                f"{_SURF}/caltech10.mat",
            ),
            DataFile(
                "office_caltech10_surf/dslr_SURF_L10.mat",
                "44d673c68e1d07b837893aa74dba3b986e4a6cc3fd66f0dd357683bdef059216",
                f"{_SURF}/dslr.mat",
            ),
            DataFile(
                "office_caltech10_surf/webcam_SURF_L10.mat",
                "a6a9c78b4b7181dfbb58bcfd351d4ebd737f171c31247b8884948aa156d3f700",
                f"{_SURF}/webcam.mat",
            ),
        ),
        licence="Terms unstated; its README asks for the citation.",
        citation=(
            "Gong, Shi, Sha and Grauman, CVPR 2012; Saenko et al., ECCV 2010; Griffin, Holub and "
            "Perona 2007, Caltech-256"
        ),
        homepage="https://github.com/redhat12345/OfficeCaltechDomainAdaptation",
        domains=("amazon", "caltech10", "dslr", "webcam"),
        label="object",
        task="classification",
        load=_load_objects,
    ),
    DataSet(
        name="mnist_usps_otml",
        title="Digits of MNIST and USPS, 1000 of each",
        files=(
            DataFile(
                "mnist_usps_otml/mnist_usps.npz",
                "2e003a35cb0a9dc265861bfbfa17a6204b5f3c9869cdf4bfc4802a52bb17010e",
                f"{_FLAMARY}/mnist_usps.npz",
            ),
        ),
        licence="The repository is under MIT; the terms of the pictures were not verified here.",
        citation="LeCun et al. 1998, Proceedings of the IEEE; Hull 1994, PAMI",
        homepage="https://github.com/rflamary/OTML_DS3_2018",
        domains=("mnist", "usps"),
        label="digit",
        task="classification",
        load=_load_mnist_usps,
    ),
    DataSet(
        name="amazon_reviews_bow",
        title="Sentiment of reviews of four kinds of products (counts of 5000 words)",
        files=tuple(
            DataFile(f"amazon_reviews_bow/{part}.svmlight", sha256, f"{_GRAAL}/{part}.svmlight")
            for part, sha256 in _REVIEWS.items()
        ),
        licence="The repository has a BSD-style licence; the terms of the reviews are unstated.",
        citation=(
            "Blitzer, Dredze and Pereira, ACL 2007; prepared by Chen et al., ICML 2012, and Ganin "
            "et al., JMLR 2016"
        ),
        homepage="https://www.cs.jhu.edu/~mdredze/datasets/sentiment/",
        domains=tuple(
            f"{product}{part}"
            for part in ("", "_test")
            for product in ("books", "dvd", "electronics", "kitchen")
        ),
        label="sentiment",
        task="classification",
        load=_load_reviews,
    ),
)

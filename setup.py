"""How mil-tf is installed: `pip install -e .`, with the extras `test`, `cluster`, `tuning`, `review`, `gpu` and
`addons`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
ROOMS = ("mil_tf", "preprocessing", "tfrecords")
TENSORFLOW = ">=2.15,<2.22"

# Lower bounds are the oldest that the tests pass with; TensorFlow 2.15 itself asks for numpy below 2.
REQUIRED = [
    f"tensorflow{TENSORFLOW}",
    "tensorboard>=2.15",  # tf.summary needs it, and newer TensorFlow no longer brings it
    "numpy>=1.23.5",
    "scipy>=1.10",
    "scikit-image>=0.20",
    "matplotlib>=3.7",
    "pillow>=9.4",
    "nibabel>=5.0",
    "SimpleITK>=2.2",
    "pydicom>=2.4",  # reads the tags of DICOM files
    "dcm2niix>=1.0.20220715",  # the program, which makes volumes of them
    "google-crc32c>=1.5",
    "h5py>=3.8",  # reads PatchCamelyon's files; TensorFlow brings it as well
    "openslide-python>=1.4",  # reads slides
    "openslide-bin>=4.0.0.6",  # its library
    "tifffile>=2023.7.10",  # reads TIFF that OpenSlide refuses
    "imagecodecs>=2023.7.10",  # decodes what tifffile alone does not: JPEG, LZW
]
CLUSTER = ["dask[distributed]>=2023.10"]
TUNING = ["bayesian-optimization>=2.0"]  # of the peak detector; brings scikit-learn, which nothing else here needs
REVIEW = ["flask>=2.3"]  # serves the page on which people judge segmentations
EXTRAS = {
    # No Python marker: from 3.12 on pip must stop, as it does, and not install an empty extra in silence.
    "addons": ["tensorflow==2.15.*", "tensorflow-addons==0.23.*", "numpy<2"],
    "cluster": CLUSTER,
    "gpu": [f"tensorflow[and-cuda]{TENSORFLOW}"],
    "review": REVIEW,
    "test": ["pytest>=7.4", "pytest-xdist>=3.7", "scikit-learn>=1.3", "ruff>=0.5", *CLUSTER, *TUNING, *REVIEW],
    "tuning": TUNING,
}


def version():
    """The version as the package states it, read without importing it."""
    text = (HERE / "mil_tf" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def readme():
    """The long description, or nothing where the README is not part of the copy."""
    path = HERE / "README.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


setup(
    name="mil-tf",
    version=version(),
    description="Multiple-instance learning for medical imaging, paper by paper, on TensorFlow and Keras",
    long_description=readme(),
    long_description_content_type="text/markdown",
    author="mil-tf authors",
    license="MIT",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=[f"{room}{end}" for room in ROOMS for end in ("", ".*")]),
    package_data={"mil_tf.review": ["pages/*"]},
    py_modules=["train", "evaluate"],
    install_requires=REQUIRED,
    extras_require=EXTRAS,
)

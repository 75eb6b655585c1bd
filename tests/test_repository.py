"""What a stranger finds: nothing of one machine, nothing half done, every setting explained."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from bot.settings import WEEKDAYS, Settings
from handlers.environment import VARIABLES

ROOT = Path(__file__).parent.parent
# Written in pieces, so that this file does not hold what it looks for.
UNFINISHED = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
MACHINE = ["/wor" + "k/", "/tm" + "p/", "/hom" + "e/", "/roo" + "t/", "/User" + "s/"]
REGISTRIES = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npm" + "js", "index" + "-url"]
BINARY = {".png", ".ico", ".jpg", ".gz", ".woff2", ".pdf"}


def tracked() -> list[Path]:
    """Every file of the product: what git tracks or would track, or all but the ignored folders without git."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        return [Path(name) for name in listed if (ROOT / name).is_file()]
    left_out = {
        ".venv",
        ".git",
        "data",
        "dist",
        "build",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
    }
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [path for path in files if not left_out & set(path.parts)]


def lines(path: Path) -> list[str]:
    return (ROOT / path).read_text("utf-8").splitlines()


NUMBERS = Path("flows/risk_model.yaml")  # packed weights, in which any three letters may stand by chance
TEXTS = [
    path for path in tracked() if path.suffix not in BINARY and path != NUMBERS and "vendor" not in path.parts
]
PYTHON = [path for path in TEXTS if path.suffix == ".py" and path.parts[0] != "tests"]


def places(words: list[str]) -> list[str]:
    """Where one of these stands: as a whole word, if it is made of letters alone."""
    wanted = re.compile("|".join(rf"\b{word}\b" if word.isalpha() else re.escape(word) for word in words))
    found = []
    for path in TEXTS:
        if wanted.search((ROOT / path).read_text("utf-8")):
            lines_of = enumerate(lines(path), start=1)
            found += [f"{path}:{number}" for number, line in lines_of if wanted.search(line)]
    return found


def test_nothing_is_unfinished():
    assert not places(UNFINISHED)


def test_nothing_is_a_path_of_one_machine():
    assert not places(MACHINE)


def test_no_registry_is_named():
    # The lock for maintainers is made without them; the Makefile says how, by naming the option.
    assert not [place for place in places(REGISTRIES) if not place.startswith("Makefile:")]


def documented_variables() -> set[str]:
    return {line.split("=")[0] for line in lines(Path(".env.example")) if re.match(r"[A-Z0-9_]+=", line)}


def test_the_variables_that_are_read_are_those_that_are_explained():
    assert documented_variables() == VARIABLES


def test_the_environment_is_read_in_one_place():
    reads = re.compile(r"\bos\.(environ|getenv)\b|\bdotenv\b")
    readers = {str(path) for path in PYTHON if reads.search((ROOT / path).read_text("utf-8"))}
    assert readers == {"handlers/environment.py"}


def test_the_example_environment_holds_no_values():
    for line in lines(Path(".env.example")):
        assert not line or line.startswith("#") or line.endswith("="), line


def test_every_variable_has_words_above_it():
    found = lines(Path(".env.example"))
    for number, line in enumerate(found):
        if line.endswith("=") and not line.startswith("#"):
            above = found[number - 1]
            assert above.startswith("#") or above.endswith("="), f"{line} has no comment above it"


SELF_EXPLAINING = {"name", "contact_email", "time_zone", "reason", "nb", "en", "date"}


def test_every_setting_is_explained():
    """By a comment at its line or above it, above its group, or by a name that says what it counts."""
    found = lines(Path("config.yaml"))
    missing, group_explained = [], False
    for number, line in enumerate(found):
        match = re.match(r"( *)([a-z_]+):", line)
        if not match:
            continue
        explained = "#" in line or found[number - 1].lstrip().startswith("#")
        if not match[1]:
            group_explained = explained
        counts = re.search(r"_(minutes|hours|seconds)$", match[2])
        known = match[2] in SELF_EXPLAINING | set(WEEKDAYS)
        if match[1] and not (explained or group_explained or counts or known):
            missing.append(f"config.yaml:{number + 1}: {match[2]}")
    assert not missing


def test_every_setting_stands_in_the_config():
    text = "\n".join(lines(Path("config.yaml")))
    for group, field in Settings.model_fields.items():
        assert re.search(rf"^{group}:", text, re.M) or (not field.is_required() and group == "languages"), (
            group
        )
        for name in getattr(field.annotation, "model_fields", {}):
            assert re.search(rf"^ +{name}:", text, re.M), f"{group}.{name} is not in config.yaml"


def test_every_make_target_explains_itself():
    text = lines(Path("Makefile"))
    (phony,) = (line for line in text if line.startswith(".PHONY:"))
    explained = {m[1] for line in text if (m := re.match(r"([a-z]+):.*## .+", line))}
    assert set(phony.removeprefix(".PHONY:").split()) == explained


def test_the_proof_script_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)

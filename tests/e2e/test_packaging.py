"""What is installed fits together: units, manual pages, completions, options, the example configuration."""
import os
import re
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("CALMIRROR_BUILD", "build"))
PROGRAMS = {"calmirrord": "cmd/calmirrord/calmirrord.8", "calmirror": "cmd/calmirror/calmirror.1"}
MOST_EXPOSED = 1.2


def run(*command, check=True, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **{"cwd": TOP, **options})
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def make(*arguments):
    # Not part of the make that may run these tests: its jobs and variables are not ours.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKE")}
    return run("make", f"B={os.path.relpath(BUILD, TOP)}", *arguments, env=env)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """The root of an installation. The programs are those of the build, whatever its flags were."""
    root = tmp_path_factory.mktemp("root")
    make("-o", "all", "install", f"DESTDIR={root}", "PREFIX=/usr")
    return root


def help_of(program, *arguments):
    return run(os.path.join(BUILD, program), *arguments)


def options_in(text):
    """The options of a help text: words like -c and --config at the beginning of its lines."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"\s+((?:-\w)?(?:,? *--[\w-]+)?)", line)
        if match:
            found |= set(re.findall(r"(?<![\w-])--?[\w-]+", match.group(1)))
    return found


def options_in_manual(path):
    """The options a page has an entry for."""
    found = set()
    for line in re.findall(r"^\.It (Fl .*)$", read(path), re.M):
        for name in re.findall(r"Fl (-?[\w-]+)", line):
            found.add("-" + name)
        # ".It Fl V , -version" continues the list of flags
        for name in re.findall(r", (-[\w-]+)", line):
            found.add("-" + name)
    return found


def complete(program, *words):
    """What bash offers when the last of `words` is being typed."""
    script = (f"source cmd/{program}/{program}.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
              f"compopt() {{ :; }}; _{program}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return {word.rstrip("=") for word in run("bash", "-c", script, "bash", program, *words).split()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_is_in_manual_and_completion(program):
    options = options_in(help_of(program, "--help"))
    for call in calls() if program == "calmirror" else ():
        options |= options_in(help_of(program, "help", *call))
    assert {"--config", "--help", "--version"} <= options
    assert options_in_manual(PROGRAMS[program]) == options
    words = complete(program, "")
    for call in calls() if program == "calmirror" else ():
        words |= complete(program, *call, "")
    assert {word for word in words if word.startswith("-")} == options


def calls():
    """How each command is called: ["status"], ["client", "add"]."""
    text = help_of("calmirror", "help").split("\n\n")[1]
    return [[word for word in line[:28].split() if word.islower()] for line in text.splitlines()]


def commands():
    return [call[0] for call in calls()]


def test_every_command_is_in_manual_and_completion():
    assert len(commands()) >= 6
    assert set(re.findall(r"^\.It Cm (\w+)", read(PROGRAMS["calmirror"]), re.M)) == set(commands())
    assert {word for word in complete("calmirror", "") if not word.startswith("-")} == set(commands())
    assert complete("calmirror", "re") == {"resync"}


def test_completion_offers_what_a_command_takes():
    for call in calls():
        if call == ["help"]:
            continue
        offered = {word for word in complete("calmirror", *call, "") if word.startswith("-")}
        assert offered == options_in(help_of("calmirror", "help", *call)) - {"-V", "--version"}, call
    assert {"add", "list"} <= complete("calmirror", "client", "") and "rotate" in complete("calmirror", "key", "")


def synopsis(call):
    """What the manual says stands behind a command: its options, and its arguments."""
    line = re.search(rf"^\.It Cm {' '.join(call)}\b(?! Cm)(.*)$", re.sub(r"\.It Cm (\w+) Cm", r".It Cm \1", read(PROGRAMS["calmirror"])), re.M)
    assert line, call
    found = set()
    for flag in re.findall(r"Fl (-?\w[\w-]*)", line.group(1)):
        found |= {"-" + flag} if flag.startswith("-") else {"-" + letter for letter in flag}
    return found, re.findall(r"Ar (calendar|name|number|command)\b", re.sub(r"Fl \S+ (Ns = Ns )?Ar \w+", "", line.group(1)))


def test_every_command_s_help_says_what_the_manual_does():
    """The options of each command, by their short names where they have one; and its arguments."""
    helps = set()
    for call in calls():
        text = help_of("calmirror", "help", *call)
        assert text == help_of("calmirror", *call, "--help") == help_of("calmirror", "--help", *call)
        assert text not in helps and text.startswith(f"Usage: calmirror {' '.join(call)}"), call
        helps.add(text)
        shown = {re.search(r"-\w\b|--[\w-]+", line).group() for line in text.splitlines() if line.startswith("  ")}
        shown -= {"-c", "--api", "-V", "-h"}
        options, arguments = synopsis(call)
        if call != ["client", "add"]:  # whose options the manual lists further down
            assert options == shown, call
        assert [word.lower() for word in re.findall(r"\b[A-Z]{3,}\b", text.splitlines()[0].replace("[OPTION]", "").replace("-a NAME", ""))] == arguments, call


def test_exit_status_of_bad_usage():
    for program, arguments in (("calmirrord", ["--nonsense"]), ("calmirrord", ["word"]), ("calmirror", ["--nonsense"]),
                               ("calmirror", []), ("calmirror", ["nonsense"]), ("calmirror", ["status", "--wait"])):
        done = subprocess.run([os.path.join(BUILD, program), *arguments], capture_output=True, text=True)
        assert done.returncode == 64, (program, arguments)
        assert done.stdout == "" and f"Try '{program}" in done.stderr


def test_installed_files(stage):
    files = sorted(str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_file())
    assert files == [
        "etc/calmirrord/calmirrord.conf",
        "usr/bin/calmirror",
        "usr/lib/systemd/system/calmirrord-api.socket",
        "usr/lib/systemd/system/calmirrord-hook.socket",
        "usr/lib/systemd/system/calmirrord.service",
        "usr/lib/sysusers.d/calmirrord.conf",
        "usr/sbin/calmirrord",
        "usr/share/bash-completion/completions/calmirror",
        "usr/share/bash-completion/completions/calmirrord",
        "usr/share/doc/calmirror/README.md",
        "usr/share/doc/calmirror/alerts.yml",
        "usr/share/doc/calmirror/config.example",
        "usr/share/man/man1/calmirror.1",
        "usr/share/man/man5/calmirrord.conf.5",
        "usr/share/man/man8/calmirrord.8",
    ]
    for path in stage.rglob("*"):
        assert not path.stat().st_mode & 0o022, f"{path} can be written by others"
        if path.is_file() and not path.parts[-2].endswith("bin"):
            assert path.stat().st_mode & 0o777 == 0o644
            assert "@sbindir@" not in path.read_text(encoding="utf-8")


def test_an_installed_configuration_is_kept_and_uninstall_leaves_it(tmp_path):
    config = tmp_path / "etc/calmirrord/calmirrord.conf"
    config.parent.mkdir(parents=True)
    config.write_text("# mine\n")
    make("-o", "all", "install", f"DESTDIR={tmp_path}", "PREFIX=/opt/x")
    assert config.read_text() == "# mine\n"
    assert "ExecStart=/opt/x/sbin/calmirrord\n" in \
        (tmp_path / "opt/x/lib/systemd/system/calmirrord.service").read_text()
    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/opt/x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [config]


def test_units_are_valid(stage, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there")
    # The programs they name are looked up below /: copies name the installed ones.
    units = []
    for unit in sorted((stage / "usr/lib/systemd/system").iterdir()):
        units.append(tmp_path / unit.name)
        units[-1].write_text(unit.read_text().replace("/usr/sbin/calmirrord", f"{stage}/usr/sbin/calmirrord"))
    output = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, units), check=False)
    # The rest is about the machine's own units.
    assert [line for line in output.splitlines() if "calmirrord" in line] == []


def test_unit_is_hardened(stage):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there")
    output = run("systemd-analyze", "security", "--offline=yes", "--threshold=100", "--no-pager",
                 str(stage / "usr/lib/systemd/system/calmirrord.service"))
    exposure = float(re.search(r"Overall exposure level for calmirrord\.service: ([\d.]+)", output).group(1))
    assert exposure <= MOST_EXPOSED, output


def test_sysusers_file_makes_the_user(stage, tmp_path):
    if not shutil.which("systemd-sysusers"):
        pytest.skip("systemd-sysusers is not there")
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", str(stage / "usr/lib/sysusers.d/calmirrord.conf"))
    user = (tmp_path / "etc/passwd").read_text().strip().split(":")
    assert user[0] == "calmirrord" and user[4:] == ["Google Calendar mirror", "/var/lib/calmirrord", "/usr/sbin/nologin"]


def test_manual_pages_are_clean(stage, tmp_path):
    for page in (stage / "usr/share/man").rglob("*.[158]"):
        shutil.copy(page, tmp_path)  # side by side, as mandoc looks for what they refer to
    pages = sorted(path.name for path in tmp_path.iterdir())
    assert len(pages) == 3
    output = run("mandoc", "-T", "lint", *pages, check=False, cwd=tmp_path)
    # Whether systemd's own pages are installed is not our matter; nor is the index of this machine's pages.
    assert [line for line in output.splitlines() if "Xr systemd" not in line and "mandoc.db" not in line] == []


def test_example_is_accepted_by_the_programs(stage):
    example = str(stage / "usr/share/doc/calmirror/config.example")
    assert read("config.example") == open(example, encoding="utf-8").read()
    assert "ok" in run(os.path.join(BUILD, "calmirrord"), "-c", example, "--check-config")


def test_example_documents_the_options_in_force(tmp_path):
    """Every key that --print-config knows stands in config.example with the same default."""
    empty = tmp_path / "empty.conf"
    empty.write_text("[account a]\ntoken_file = /t\n")
    in_force, documented = {}, {}
    section = None
    for line in run(os.path.join(BUILD, "calmirrord"), "-c", str(empty), "--print-config").splitlines():
        if line.startswith("["):
            section = line.strip("[]").split()[0]
        elif line and not line.startswith("#"):
            key, _, value = line.partition(" =")
            in_force[section, key] = value.strip()
    for line in read("config.example").splitlines():
        match = re.match(r"#?\[(\w+)", line)
        if match:
            section = match.group(1)
        elif re.match(r"#\w+ =", line):
            key, _, value = line[1:].partition(" =")
            documented[section, key] = value.strip()
    # Of accounts, clients and hooks only what is set is in force.
    named = {"account", "client", "hook"}
    assert {key for key in in_force if key[0] in named} <= set(documented)
    assert {k: v for k, v in in_force.items() if k[0] not in named} == \
        {k: v for k, v in documented.items() if k[0] not in named}

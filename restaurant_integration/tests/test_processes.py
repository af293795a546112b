"""The Procfile, and supervisor's configuration that is made from it."""

from __future__ import annotations

import configparser
import socket
import subprocess
import sys

import pytest

from deploy.proxy import has_ipv6
from deploy.up import PROCFILE, StartError, check_port, programs_of, read_procfile, supervisor_config, with_defaults

URLS = {"DATABASE_URL": "postgres://u@127.0.0.1/db", "REDIS_URL": "redis://127.0.0.1/0", "PATH": "/bin"}


def config_of(environ: dict[str, str]) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser()
    text = supervisor_config(programs_of(environ), with_defaults(environ))
    config.read_string(text)
    return config


def test_the_procfile_names_every_process():
    names = ["web", "sockets", "sweeper", "worker", "beat", "sandbox", "nginx"]
    assert list(read_procfile(PROCFILE.read_text())) == names


@pytest.mark.parametrize(
    ("environ", "runs"),
    [({}, False), ({"SANDBOX_ENABLED": "false"}, False), ({"SANDBOX_ENABLED": "True"}, True),
     ({"SANDBOX_ENABLED": "1"}, True), ({"SANDBOX_ENABLED": "true", "ROLE": "hub"}, False)],
)  # fmt: skip
def test_the_sandbox_is_a_process_where_it_is_on(environ, runs):
    assert ("sandbox" in programs_of(URLS | environ)) is runs


def test_each_process_of_the_procfile_is_a_program_of_supervisor():
    config = config_of(URLS | {"DATA_DIR": "/data"})
    assert [name for name in config.sections() if name.startswith("program:")] == [
        "program:web", "program:sockets", "program:sweeper", "program:worker", "program:beat",
    ]  # fmt: skip
    assert config["group:all"]["programs"] == "web,sockets,sweeper,worker,beat"
    assert config["program:sweeper"]["command"] == "nice -n 5 python manage.py run_sweeper"


def test_what_dies_is_started_again_for_ever():
    config = config_of(URLS)
    for name in ("web", "sockets", "sweeper", "worker", "beat"):
        program = config[f"program:{name}"]
        assert (program["autorestart"], program["startretries"]) == ("true", "1000000")


def test_the_sockets_are_two_ports_above_the_web_and_leave_the_hubs():
    environ = with_defaults(URLS | {"PORT": "4100"})
    assert (environ["PORT"], environ["SOCKETS_PORT"]) == ("4100", "4102")
    assert "--port 4102 " in config_of(URLS | {"PORT": "4100"})["program:sockets"]["command"]


def test_a_hub_beside_its_platform_has_ports_and_a_directory_of_its_own():
    platform, hub = with_defaults(URLS), with_defaults(URLS | {"ROLE": "hub"})
    assert (hub["PORT"], hub["SOCKETS_PORT"], hub["DATA_DIR"]) == ("3002", "3004", f"{platform['DATA_DIR']}/hub")
    assert {platform["PORT"], platform["SOCKETS_PORT"]}.isdisjoint({hub["PORT"], hub["SOCKETS_PORT"]})


def test_the_schedule_of_beat_stands_in_the_data_directory():
    assert (
        "--schedule /data/x/celerybeat-schedule" in config_of(URLS | {"DATA_DIR": "/data/x"})["program:beat"]["command"]
    )


def test_a_percent_sign_in_a_path_is_no_expansion_of_supervisor():
    assert "/data/a%%b/celerybeat" in config_of(URLS | {"DATA_DIR": "/data/a%b"})["program:beat"]["command"]


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_nothing_starts_without_its_servers(name):
    with pytest.raises(StartError, match=name):
        with_defaults({key: value for key, value in URLS.items() if key != name})


def test_a_url_may_stand_in_a_file():
    environ = {"DATABASE_URL_FILE": "/run/secrets/db", "REDIS_URL": "redis://127.0.0.1/0"}
    assert with_defaults(environ)["PORT"] == "3001"


def test_a_port_that_is_taken_is_said_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError, match="cannot be used"):
        check_port("127.0.0.1", str(taken.getsockname()[1]))


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
def test_a_port_of_ipv6_that_is_taken_is_said_too():
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=False) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(StartError, match="of \\[::\\] cannot be used"):
            check_port("[::]", port)


@pytest.mark.parametrize("text", ["web gunicorn", "web: a\nweb: b"])
def test_a_line_that_is_no_process_is_refused(text):
    with pytest.raises(StartError):
        read_procfile(text)


def test_a_name_that_is_not_set_is_refused():
    with pytest.raises(StartError, match="NOWHERE"):
        supervisor_config({"web": "run $NOWHERE"}, with_defaults(URLS))


def test_output_that_cannot_be_opened_again_is_handed_on():
    # A socket, as systemd gives: supervisor opens it by its name for each process.
    code = """if True:
        import os
        from deploy.up import keep_output_open
        keep_output_open()
        os.write(os.open("/dev/fd/1", os.O_WRONLY | os.O_APPEND), b"a line")
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        subprocess.run([sys.executable, "-c", code], cwd=PROCFILE.parent, stdout=theirs, stderr=theirs, check=True)
        ours.settimeout(30)
        assert ours.recv(100) == b"a line"

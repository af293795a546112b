"""The compose files: valid by their specification, and the same processes with the same commands as the Procfile."""

from __future__ import annotations

import json
import os
import re
import shlex
import string
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings

from deploy import certificate
from deploy.proxy import TEMPLATE, write_configuration
from deploy.up import PROCFILE, STOP_WITHIN_S, read_procfile, with_defaults
from restaurant_integration.tests.test_proxy import needs_nginx

ROOT = Path(settings.BASE_DIR)
FILES = {name: yaml.safe_load((ROOT / name).read_text()) for name in (
    "docker-compose.yml", "docker-compose.hub.yml", "docker-compose.staging.yml",
)}  # fmt: skip
SERVICES = FILES["docker-compose.yml"]["services"]
PROCESSES = {
    name: command for name, command in read_procfile(PROCFILE.read_text()).items() if name not in {"sandbox", "nginx"}
}
APPS = {*PROCESSES, "prepare"}
OVERRIDES = ["docker-compose.hub.yml", "docker-compose.staging.yml"]


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_valid_by_the_specification(name):
    schema = json.loads((ROOT / "deploy/compose/compose-spec.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(FILES[name])] == []


def test_the_specification_refuses_what_is_none():
    schema = json.loads((ROOT / "deploy/compose/compose-spec.json").read_text())
    wrong = {"services": {"web": {"healthchek": {}}}}
    assert list(jsonschema.Draft7Validator(schema).iter_errors(wrong))


def test_there_is_a_container_for_each_process():
    assert set(SERVICES) == APPS | {"nginx", "postgres", "redis"}


def environment(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[name]["environment"].items()}


def in_containers() -> dict[str, str]:
    """Return what ``make up`` would fill the Procfile in with, given what the containers have."""
    given = with_defaults({**environment("web"), "PATH": "/bin"})
    return given | {"HOST": "0.0.0.0"}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_container_runs_the_command_of_the_procfile(name):
    line = string.Template(PROCESSES[name]).substitute(in_containers())
    # Containers have shares of the processor, not nice values.
    command = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", SERVICES[name]["command"])
    assert shlex.split(command) == shlex.split(re.sub(r"^nice -n \d+ ", "", line))


def test_nginx_runs_as_under_make_up():
    line = string.Template(read_procfile(PROCFILE.read_text())["nginx"]).substitute(
        NGINX_PROGRAM="nginx", NGINX_DIR="/tmp", NGINX_OPTIONS=""
    )
    assert shlex.split(SERVICES["nginx"]["command"]) == shlex.split(line)


def test_nginx_is_told_every_name_of_its_configuration():
    names = set(re.findall(r"\$\{([A-Z_]+)\}", TEMPLATE.read_text()))
    assert names <= set(environment("nginx"))
    assert environment("nginx")["NGINX_ENVSUBST_OUTPUT_DIR"] == "/tmp"
    assert "./deploy/nginx:/etc/nginx/templates:ro" in SERVICES["nginx"]["volumes"]


@needs_nginx
def test_nginx_takes_the_configuration_that_its_image_fills_in(tmp_path):
    made, key = certificate.write(tmp_path / "tls", ["orders.example.com"], 1)
    # Every default, as compose itself would fill it in.
    plain = {name: re.sub(r"\$\{[A-Z]+:-([^}]*)\}", r"\1", value) for name, value in environment("nginx").items()}
    own = {"APP_BASE_URL": "https://orders.example.com", "TLS_CERTIFICATE": str(made), "TLS_KEY": str(key)}
    here = {"NGINX_PROGRAM": "nginx", "NGINX_DIR": str(tmp_path), "DATA_DIR": str(tmp_path), "ACME_DIR": str(tmp_path)}
    write_configuration({**plain, **own, **here, "PATH": f"{os.defpath}:/usr/sbin"})
    assert "server 172.31.251.11:3001;" in (tmp_path / "nginx.conf").read_text()


def address_of(name: str) -> str:
    return SERVICES[name]["networks"]["inside"]["ipv4_address"]


def test_nginx_finds_the_processes_where_they_are_and_they_believe_it_alone():
    told, own = environment("nginx"), environment("web")
    assert told["WEB_UPSTREAM"] == own["WEB_ADDRESS"] == f"{address_of('web')}:{own['PORT']}"
    assert told["SOCKETS_UPSTREAM"] == f"{address_of('sockets')}:{in_containers()['SOCKETS_PORT']}"
    assert own["TRUSTED_PROXIES"] == address_of("nginx")


def test_only_nginx_publishes_ports():
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["nginx"]
    assert [port.rpartition(":")[2] for port in SERVICES["nginx"]["ports"]] == [
        environment("nginx")["HTTP_PORT"], environment("nginx")["HTTPS_PORT"],
    ]  # fmt: skip


def test_the_servers_are_on_the_network_that_reaches_nothing_outside():
    assert FILES["docker-compose.yml"]["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["inside"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_no_more_than_it_has_to(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["cpus"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_comes_back_and_says_whether_it_is_well(name):
    service = SERVICES[name]
    if name == "prepare":
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", [*PROCESSES, "nginx"])
def test_a_process_has_the_same_time_to_end_as_under_make_up(name):
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= STOP_WITHIN_S


@pytest.mark.parametrize("name", PROCESSES)
def test_nothing_runs_before_the_database_is_up_to_date(name):
    assert SERVICES[name]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}


def test_no_secret_stands_in_the_file_or_in_the_environment():
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"SECRET|PASSWORD|TOKEN|_KEY(_FILE)?$", key) and key != "TLS_KEY":
                assert key.endswith("_FILE"), (name, key)
                assert value == f"/run/secrets/{key.removesuffix('_FILE').removeprefix('POSTGRES_').lower()}" or (
                    value == "/run/secrets/database_password"
                )
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(FILES["docker-compose.yml"]["secrets"])


def test_the_servers_read_every_secret_from_a_file():
    text = (ROOT / "restaurant_integration/settings.py").read_text()
    read = set(re.findall(r'secret\("([A-Z_]+)"\)', text))
    given = {key.removesuffix("_FILE") for key in environment("web") if key.endswith("_FILE")}
    assert given <= read


def merged(name: str) -> dict[str, Any]:
    return FILES[name]["services"]


@pytest.mark.parametrize(("name", "told"), [(OVERRIDES[0], {"ROLE": "hub"}), (OVERRIDES[1], {"STAGING": "true"})])
def test_another_deployment_is_said_so_in_each_of_its_processes(name, told):
    assert {process for process in merged(name) if process in APPS} == APPS
    for process in APPS:
        assert merged(name)[process]["environment"].items() >= told.items()


@pytest.mark.parametrize("name", OVERRIDES)
def test_another_deployment_shares_no_name_no_secret_and_no_certificate(name):
    base, other = FILES["docker-compose.yml"], FILES[name]
    assert other["name"] != base["name"]
    assert set(other["secrets"]) == set(base["secrets"])
    assert not {entry["file"] for entry in other["secrets"].values()} & {
        entry["file"] for entry in base["secrets"].values()
    }
    assert not set(merged(name)["nginx"]["volumes"]) & set(SERVICES["nginx"]["volumes"])
    # Volumes and networks are called after the project.
    assert not [entry for entry in base["volumes"].values() if entry.get("name") or entry.get("external")]


def test_staging_names_the_hosts_of_each_provider():
    text = (ROOT / "docker-compose.staging.yml").read_text()
    from providers.registry import ADAPTERS

    for adapter in ADAPTERS.values():
        hosts = adapter.calls.sandbox
        for address in {hosts.api, hosts.auth} - {""}:
            assert address.removeprefix("https://") in text

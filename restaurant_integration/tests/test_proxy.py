"""nginx of ``make up``: when it runs, what it is told, and that it takes its configuration itself."""

from __future__ import annotations

import os
import shutil
import ssl
import stat

import pytest
from cryptography import x509

from deploy import StartError, certificate, proxy
from deploy.proxy import TEMPLATE, hosts_of, render, with_ipv6, with_proxy, write_configuration
from deploy.up import programs_of, supervisor_config, with_defaults

needs_nginx = pytest.mark.skipif(shutil.which("nginx", path=os.defpath + ":/usr/sbin") is None, reason="needs nginx")
HOST = "orders.example.com"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate.write(tmp_path_factory.mktemp("tls"), [HOST], 30)


@pytest.fixture
def environ(tmp_path, tls):
    program = tmp_path / "bin" / "nginx"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return with_defaults(
        {
            "DATABASE_URL": "postgres://u@127.0.0.1/db", "REDIS_URL": "redis://127.0.0.1/0", "PATH": "/bin",
            "DATA_DIR": str(tmp_path / "data"), "APP_BASE_URL": f"https://{HOST}/", "NGINX": str(program),
            "TLS_CERTIFICATE": str(tls[0]), "TLS_KEY": str(tls[1]),
        }
    )  # fmt: skip


def test_without_a_certificate_nothing_changes(environ):
    del environ["TLS_CERTIFICATE"], environ["TLS_KEY"]
    same, says = with_proxy(environ)
    assert same == environ
    assert "nginx" not in programs_of(same)
    assert "only the plain ports" in says


@pytest.mark.parametrize(("named", "says"), [("off", "NGINX=off"), ("", "nginx is not installed")])
def test_without_nginx_the_processes_are_on_their_plain_ports(environ, named, says, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    same, said = with_proxy(environ | {"NGINX": named})
    assert "nginx" not in programs_of(same)
    assert says in said


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"TLS_KEY": ""}, "TLS_KEY names no file"),
        ({"TLS_CERTIFICATE": "/nowhere/fullchain.pem"}, "TLS_CERTIFICATE names no file"),
        ({"APP_BASE_URL": "http://orders.example.com"}, "https address"),
        ({"APP_BASE_URL": ""}, "https address"),
        ({"HTTPS_PORT": "https"}, "HTTPS_PORT is a number"),
        ({"NGINX": "/nowhere/nginx"}, "NGINX names no program"),
    ],
)
def test_what_is_half_set_starts_nothing(environ, changed, says):
    with pytest.raises(StartError, match=says):
        with_proxy(environ | changed)


def test_nginx_is_a_program_that_ends_its_requests_first(environ):
    told, _ = with_proxy(environ)
    config = supervisor_config(programs_of(told), told)
    part = config.partition("[program:nginx]")[2].partition("[")[0]
    assert f"command={environ['NGINX']} -e stderr -p {environ['DATA_DIR']}/nginx -c" in part
    assert "stopsignal=QUIT" in part
    # It would take this name for sockets that are handed on to it.
    assert "NGINX" not in told
    assert config.count("stopsignal=TERM") == 5


def test_what_nginx_forwards_is_believed_from_nginx_alone(environ):
    assert with_proxy(environ)[0]["TRUSTED_PROXIES"] == "127.0.0.1"
    told = with_proxy(environ | {"TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1"})[0]
    assert told["TRUSTED_PROXIES"] == "10.0.0.0/8,127.0.0.1"


def test_the_ports_host_and_files_stand_in_the_configuration(environ, tls):
    told, says = with_proxy(environ | {"HTTPS_PORT": "8443", "HTTP_PORT": "8080", "PROXY_HOST": "127.0.0.1"})
    text = render(TEMPLATE.read_text(), told)
    for line in (
        "listen 127.0.0.1:8443 ssl http2 default_server;", "listen 127.0.0.1:8080 default_server;",
        f"server_name {HOST};", f"ssl_certificate {tls[0]};", f"ssl_certificate_key {tls[1]};",
        "server 127.0.0.1:3001;", "server 127.0.0.1:3003;", f"return 308 https://{HOST}$request_uri;",
        f"root {environ['DATA_DIR']}/acme;",
    ):  # fmt: skip
        assert line in text
    assert "${" not in text
    assert says == "nginx on 127.0.0.1, ports 8443 and 8080"


def test_every_address_of_ipv6_is_listened_on_too_where_the_machine_has_it(environ, monkeypatch):
    for has, says in (
        (True, "nginx on 0.0.0.0 and [::], ports 443 and 80"),
        (False, "nginx on 0.0.0.0, ports 443 and 80"),
    ):
        monkeypatch.setattr(proxy, "has_ipv6", lambda has=has: has)
        told, said = with_proxy(environ)
        assert (said, "[::]" in hosts_of(told)) == (says, has)
    lines = [line.strip() for line in with_ipv6(render(TEMPLATE.read_text(), told)).splitlines() if "listen " in line]
    assert lines == [
        "listen 0.0.0.0:80 default_server;", "listen [::]:80 default_server;",
        "listen 0.0.0.0:443 ssl http2 default_server;", "listen [::]:443 ssl http2 default_server;",
    ]  # fmt: skip


def test_an_address_that_is_named_is_the_only_one(environ, monkeypatch):
    monkeypatch.setattr(proxy, "has_ipv6", lambda: True)
    for named in ("192.0.2.8", "0.0.0.0", "[::1]"):
        assert hosts_of(with_proxy(environ | {"PROXY_HOST": named})[0]) == [named]


@needs_nginx
def test_nginx_takes_the_configuration_with_ipv6(environ, tmp_path):
    told, _ = with_proxy({**environ, "NGINX": "nginx", "PATH": os.environ["PATH"]})
    write_configuration({**told, "PROXY_IPV6": "1"})
    assert "listen [::]:443 ssl http2 default_server;" in (tmp_path / "data/nginx/nginx.conf").read_text()


@pytest.mark.parametrize("value", ["", "/a b", "/a;}", "/a$x", '/a"', "/a\n"])
def test_a_value_that_would_change_a_directive_is_refused(value):
    with pytest.raises(StartError, match="NAME"):
        render("root ${NAME};", {"NAME": value})


def test_names_of_nginx_itself_stay():
    assert render("return 308 ${BASE}$request_uri;", {"BASE": "https://x"}) == "return 308 https://x$request_uri;"


@needs_nginx
def test_nginx_takes_the_configuration(environ, tmp_path):
    told, _ = with_proxy({**environ, "NGINX": "nginx", "PATH": os.environ["PATH"]})
    write_configuration(told)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert (tmp_path / "data/nginx/nginx.conf").exists()


@needs_nginx
def test_a_key_of_another_certificate_is_said_before_anything_starts(environ, tmp_path):
    _, other = certificate.write(tmp_path / "other", [HOST], 30)
    told, _ = with_proxy({**environ, "NGINX": "nginx", "PATH": os.environ["PATH"], "TLS_KEY": str(other)})
    with pytest.raises(StartError, match="key values mismatch"):
        write_configuration(told)


# -- a certificate of one's own ------------------------------------------------------------------------------------------


def test_a_certificate_names_its_hosts_and_is_trusted_as_its_own_authority(tls):
    made = x509.load_pem_x509_certificate(tls[0].read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    context = ssl.create_default_context(cafile=str(tls[0]))
    assert [entry["subjectAltName"] for entry in context.get_ca_certs()] in ([], [(("DNS", HOST),)])
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*tls)


def test_its_key_is_its_owners_alone_and_nothing_is_written_over(tls):
    assert stat.S_IMODE(tls[1].stat().st_mode) == 0o600
    before = tls[1].read_bytes()
    with pytest.raises(FileExistsError):
        certificate.write(tls[0].parent, [HOST], 30)
    assert tls[1].read_bytes() == before


def test_the_command_prints_the_settings(tmp_path, capsys):
    assert certificate.main([HOST, "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed == f"TLS_CERTIFICATE={tmp_path}/fullchain.pem\nTLS_KEY={tmp_path}/privkey.pem\n"
    assert certificate.main([HOST, "--folder", str(tmp_path)]) == 1


def test_a_client_that_trusts_two_of_the_same_name_tells_them_apart(tmp_path):
    context = ssl.create_default_context()
    pairs = [certificate.write(tmp_path / name, ["localhost"], 1) for name in ("former", "new")]
    for made, _ in pairs:
        context.load_verify_locations(made)
    for pair in pairs:
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        served.load_cert_chain(*pair)
        assert shake_hands(context, served) == "TLSv1.3"


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    """Return the protocol that two sides agree on, in memory. Raises SSLError where one does not trust the other."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(inward, outward, server_hostname="localhost")
    theirs = server.wrap_bio(outward, inward, server_side=True)
    for side in (ours, theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ours.version()

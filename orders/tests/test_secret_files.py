"""Secrets that are made once and kept."""

from orders.secret_files import kept_secret


def test_a_kept_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    made = kept_secret(tmp_path / "data" / "key")
    assert len(made) == 64
    assert kept_secret(tmp_path / "data" / "key") == made
    assert (tmp_path / "data" / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["key"]


def test_a_kept_secret_has_the_size_that_is_asked(tmp_path):
    assert len(kept_secret(tmp_path / "password", size=12)) == 16

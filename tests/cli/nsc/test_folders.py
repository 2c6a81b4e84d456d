from isthmus.cli.nsc.folders import FolderFlags, expand, find_folders, shortened
from support.nsc import Nsc


def folders(nsc, **flags):
    return find_folders(nsc.surroundings(), FolderFlags(**flags))


def test_the_defaults_lie_in_the_home(tmp_path):
    nsc = Nsc(tmp_path)
    found = folders(nsc)
    assert found.config_file == nsc.home / ".config/nats/nsc/nsc.json"
    assert found.default_stores == nsc.home / ".local/share/nats/nsc/stores"
    assert found.keys == nsc.home / ".local/share/nats/nsc/keys"
    assert found.stores is None


def test_the_environment_beats_the_defaults_and_flags_beat_the_environment(tmp_path):
    nsc = Nsc(tmp_path, environ={"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d"})
    assert str(folders(nsc).config) == "/c/nats/nsc"
    assert str(folders(nsc).default_stores) == "/d/nats/nsc/stores"
    nsc.environ |= {"NSC_HOME": "/h", "NKEYS_PATH": "/k"}
    assert str(folders(nsc).config) == "/h"
    assert str(folders(nsc).keys) == "/k"
    found = folders(nsc, config_dir="/x", keystore_dir="/y", data_dir="/z")
    assert (str(found.config), str(found.keys), str(found.stores)) == ("/x", "/y", "/z")


def test_all_dirs_beats_the_other_flags(tmp_path):
    found = folders(Nsc(tmp_path), all_dirs="/a", keystore_dir="/y")
    assert {str(found.config), str(found.keys), str(found.stores)} == {"/a"}


def test_the_oldest_layout_is_used_where_only_it_exists(tmp_path):
    nsc = Nsc(tmp_path)
    (nsc.home / ".nsc").mkdir()
    (nsc.home / ".nsc" / "nsc.json").write_text("{}")
    found = folders(nsc)
    assert found.config == nsc.home / ".nsc"
    assert found.default_stores == nsc.home / ".nsc" / "nats"
    assert found.keys == nsc.home / ".nkeys"
    (nsc.home / ".config/nats/nsc").mkdir(parents=True)
    (nsc.home / ".config/nats/nsc/nsc.json").write_text("{}")
    assert folders(nsc).config == nsc.home / ".config/nats/nsc"


def test_paths_are_expanded_and_shortened(tmp_path):
    nsc = Nsc(tmp_path)
    around = nsc.surroundings()
    assert expand("~/x", around) == nsc.home / "x"
    assert expand("x", around) == nsc.work / "x"
    assert str(expand("/x", around)) == "/x"
    assert shortened(nsc.home / "x", nsc.home) == "~/x"
    assert shortened(f"{nsc.home}x", nsc.home) == f"{nsc.home}x"

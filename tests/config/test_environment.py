from pathlib import Path

from bot.config.environment import Environment, Override


def test_the_environment_is_one_value() -> None:
    environment = Environment.of(
        {
            "COMMUNIQUE_CONFIG": "/etc/communique.toml",
            "COMMUNIQUE_DATA_DIR": "/srv/communique",
            "COMMUNIQUE_HTTP__USER_AGENT": "desk/1",
            "NO_COLOR": "1",
            "FORCE_COLOR": "",
            "TERM": "dumb",
            "NOTIFY_SOCKET": "/run/notify",
            "CREDENTIALS_DIRECTORY": "/run/credentials/communique",
            "JOURNAL_STREAM": "8:1234",
        }
    )
    assert environment == Environment(
        config=Path("/etc/communique.toml"),
        data_dir=Path("/srv/communique"),
        overrides=(Override("COMMUNIQUE_HTTP__USER_AGENT", "http", "user_agent", "desk/1"),),
        no_color=True,
        term="dumb",
        notify_socket="/run/notify",
        credentials_directory=Path("/run/credentials/communique"),
        journal_stream="8:1234",
    )


def test_a_watchdog_that_watches_another_process_is_not_ours() -> None:
    assert Environment.of({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, pid=7).watchdog_us == 30_000_000
    assert Environment.of({"WATCHDOG_USEC": "30000000"}, pid=7).watchdog_us == 30_000_000
    assert Environment.of({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, pid=7).watchdog_us is None
    assert Environment.of({"WATCHDOG_USEC": "often"}, pid=7).watchdog_us is None


def test_bad_input_70_the_environment_brings_paths_of_secrets_and_no_key_for_a_secret() -> None:
    from bot.config.reading import SECTIONS

    secrets = [
        f"{section}.{key}"
        for section, model in SECTIONS.items()
        for key in model.model_fields
        if any(word in key for word in ("hash", "token", "secret", "password")) and not key.endswith("_file")
    ]
    assert secrets == []

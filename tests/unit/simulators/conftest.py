from datetime import UTC, datetime

import pytest

from heliograph.simulators.credentials import DEMO_TOPIC, DemoCredentials, ensure_credentials


@pytest.fixture(scope="session")
def credentials(tmp_path_factory) -> DemoCredentials:
    return ensure_credentials(tmp_path_factory.mktemp("credentials"), (DEMO_TOPIC,))


@pytest.fixture
def now():
    return datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

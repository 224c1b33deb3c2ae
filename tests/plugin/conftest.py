import pytest

from tests.plugin import Studio


@pytest.fixture
def studio(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Studio:
    return Studio(pytester, monkeypatch)

"""What a person says about themself, and what is kept of the browser they use."""

from __future__ import annotations

import pytest

from handlers.console.devices import device_of


@pytest.fixture
def engine():
    """The stores' own tests run on every engine."""
    return "sqlite"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0", "Firefox/Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) AppleWebKit/605.1 CriOS/131.0 Mobile Safari/604.1",
            "Chrome/iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge/Windows",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18.1 Safari/605.1", "Safari/Mac"),
        ("curl/8", None),
    ],
)
def test_a_browser_is_named_by_its_families(agent, device):
    assert device_of(agent) == device


def test_a_profile_is_kept_and_what_is_wrong_is_said(house, amalie):
    browser = house.browser(amalie)
    fine = {
        "alias": "Nora",
        "languages": "nb",
        "other_languages": "somali, arabisk, somali",
        "campus": "uio",
        "avoid_own_campus": "1",
        "gender": "kvinne",
        "notify": "email:shift",
        "quiet_from": "22:00",
        "quiet_to": "07:30",
    }
    browser.post("/me/save", **fine)
    kept = house.again(amalie)
    assert (kept.alias, kept.languages, kept.campus, kept.avoid_own_campus, kept.gender) == (
        "Nora",
        ("nb", "somali", "arabisk"),
        "uio",
        True,
        "kvinne",
    )
    assert kept.wants("shift", "email") and not kept.wants("queue", "push")
    assert str(kept.quiet_from) == "22:00:00" and str(kept.quiet_to) == "07:30:00"
    page = browser.page("/me")
    assert 'value="somali, arabisk"' in page and "OsloMet" in page and 'value="22:00"' in page
    house.staff("Ida")
    for wrong, words in (
        ({"alias": "ida"}, "heter det allerede"),
        ({"quiet_to": ""}, "både fra og til"),
        ({"languages": "", "other_languages": ""}, "minst ett språk"),
    ):
        answer = browser.post("/me/save", follow=True, **(fine | wrong))
        assert words in answer.text
    assert house.again(amalie) == kept

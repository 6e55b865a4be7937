"""Ad operations in the console: a file goes in, a rule makes an audience, line items say why they serve."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.topology.installation import Installation, Visit, eventually
from tests.topology.patience import strained

USERS = 2000
PASSWORD = secrets.token_urlsafe(12)
MICROS = 1_000_000
RUNS = {"begins_at": "2020-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"}
pytestmark = pytest.mark.browser


def patience_ms() -> float:
    return strained(30) * 1000


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thousand users; every fourth is German, and every even one of those over forty."""
    numbers = range(USERS)
    path = tmp_path_factory.mktemp("features") / "people.parquet"
    table = pa.table(
        {
            "user": [f"person-{number}" for number in numbers],
            "country": ["DE" if number % 4 == 0 else "FR" for number in numbers],
            "age": pa.array([50 if number % 8 == 0 else 30 for number in numbers], pa.int32()),
            "consent": ["ads"] * USERS,
        }
    )
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="module")
def seller(installation: Installation, browser: Browser) -> Iterator[str]:
    """Somebody of ad operations, let in by an operator."""
    password = (installation.folder / "keys" / "operator.password").read_text().strip()
    context = browser.new_context(base_url=installation.site)
    me = context.request.post("/api/sign-in", data={"name": "operator", "password": password}).json()
    added = context.request.post(
        "/api/users",
        data={"name": "seller", "password": PASSWORD, "roles": ["adops"]},
        headers={"X-CSRF-Token": me["csrf"]},
    )
    assert added.ok, added.text()
    yield "seller"
    context.close()


@pytest.fixture
def selling(visit: Visit, seller: str) -> Iterator["Selling"]:
    visit.page.set_default_timeout(patience_ms())
    expect.set_options(timeout=patience_ms())
    visit.page.goto("/sign-in?next=/console/")
    visit.page.get_by_label("Name").fill(seller)
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in").click()
    visit.page.wait_for_url(re.compile("/console/ads"))
    yield Selling(visit)
    expect.set_options(timeout=None)


class Selling:
    """A window of ad operations, and the API under the same session."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self.page = visit, visit.page
        self._csrf = visit.page.request.get("/api/me").json()["csrf"]

    def sent(self, address: str, body: dict[str, Any]) -> Any:
        answer = self.page.request.post(address, data=body, headers={"X-CSRF-Token": self._csrf})
        assert answer.ok, answer.text()
        return answer.json()

    def made(self, *nouns: dict[str, Any]) -> list[str]:
        """Make records as they are, and return their ids."""
        change = {"reason": "for a test", "edits": [{"noun": noun} for noun in nouns]}
        return [record["id"] for record in self.sent("/api/ads/changes", change)["records"]]

    def order(self, advertiser: str) -> str:
        """Make an advertiser with a campaign and an order that run now."""
        (payer,) = self.made({"is": "advertiser", "name": advertiser})
        campaign = {"is": "campaign", "name": f"{advertiser} winter", "advertiser": payer, "state": "active"}
        (purpose,) = self.made({**campaign, **RUNS, "budget_micros": 900 * MICROS})
        contract = {"is": "insertion_order", "name": f"{advertiser} order", "campaign": purpose}
        (made,) = self.made({**contract, **RUNS, "budget_micros": 900 * MICROS, "state": "active"})
        return made

    def line_item(self, order: str, name: str, **fields: Any) -> dict[str, Any]:
        """Return a line item of the house that runs now."""
        kind = {"is": "line_item", "name": name, "insertion_order": order, "tier": "house"}
        return {**kind, "flights": [RUNS], "state": "active", **fields}


def test_a_file_goes_in_a_rule_makes_an_audience_and_explain_says_who_may_see_what(
    selling: Selling, features: Path
) -> None:
    page = selling.page
    expect(page.get_by_role("navigation", name="Rooms").get_by_role("link", name="Titles")).to_have_count(0)

    upload(page, features)
    define(page)
    expect(page.get_by_role("row", name=re.compile("seniors.*250"))).to_be_visible()
    selling.visit.picture("console-audiences")

    order = selling.order("Kino")
    selling.made({"is": "audience", "name": "seniors", "audience": "seniors", "least_members": 100})
    selling.made(
        selling.line_item(order, "For seniors", targeting={"is": "audience", "audience": "seniors"}),
        selling.line_item(order, "For everybody"),
    )
    assert explained(page, "person-8") == {"For seniors": "May serve", "For everybody": "May serve"}
    assert explained(page, "person-1") == {"For seniors": "audience", "For everybody": "May serve"}
    page.get_by_role("button", name=re.compile(r"^1 audience$")).click()
    expect(page.locator(".verdict-table tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("reason=audience"))
    selling.visit.picture("console-explain")
    assert not selling.visit.complaints


def upload(page: Page, features: Path) -> None:
    page.goto("/console/audiences?view=batches")
    page.set_input_files("input[type=file]", str(features))
    page.get_by_label("The whole picture").check()
    page.get_by_label("Batch", exact=True).fill("people-1")
    page.get_by_role("button", name="Upload", exact=True).click()

    batch = page.locator(".batch", has_text="people-1")
    expect(batch).to_contain_text("In force")
    expect(batch).to_contain_text("2,000 rows kept of 2,000")


def define(page: Page) -> None:
    page.goto("/console/audiences?new=1")
    page.get_by_label("Name", exact=True).fill("seniors")
    rule = page.get_by_label("Rule", exact=True)
    rule.fill('country in ("DE") and agee > 40')
    expect(page.locator("#rule-said")).to_contain_text("Line 1, column 23: there is no dimension 'agee'")
    expect(page.locator("#rule-said mark")).to_have_text("agee")

    rule.fill('country in ("DE") and age > 60')
    expect(page.get_by_role("status", name="Reach")).to_contain_text("under 50")
    page.get_by_label("From", exact=True).fill("40")

    expect(rule).to_have_value('country in ("DE") and age > 40')
    expect(page.get_by_role("status", name="Reach")).to_contain_text("250")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile("audience=seniors"))
    page.goto("/console/audiences")
    page.get_by_role("button", name="Build now").click()
    expect(page.get_by_text("All audiences are built")).to_be_visible()


def explained(page: Page, viewer: str) -> dict[str, str]:
    """Return the verdicts; a machine with much to do may be asked twice before it reads the profile."""
    eventually(lambda: "cannot be read" not in asked(page, viewer), 30, "the profile is read")
    cells = [row.locator("td").all_inner_texts() for row in page.locator(".verdict-table tbody tr").all()]
    return {cell[0].strip(): cell[1].strip() for cell in cells if cell[0].startswith("For ")}


def asked(page: Page, viewer: str) -> str:
    page.goto("/console/ads?view=explain")
    page.get_by_role("textbox", name="Viewer").fill(viewer)
    page.get_by_role("button", name="Explain", exact=True).click()
    expect(page.locator(".verdict-table tbody tr", has_text="For ")).to_have_count(2)
    return page.locator(".verdicts").inner_text()


def test_a_file_of_which_nothing_arrived_goes_on_when_it_is_chosen_again_and_its_bad_rows_can_be_fetched(
    selling: Selling, tmp_path: Path
) -> None:
    page, file = selling.page, tmp_path / "late.csv"
    file.write_text("user,age\nperson-1,31\nperson-2,old\nperson-3,33\n")
    selling.sent(
        "/api/audience-batches",
        {"id": "late-1", "filename": file.name, "size_bytes": file.stat().st_size, "mode": "delta"},
    )
    page.goto("/console/audiences?view=batches")
    batch = page.locator(".batch", has_text="late-1")
    expect(batch).to_contain_text("Choose late.csv again to go on")

    page.set_input_files("input[type=file]", str(file))
    page.get_by_role("button", name="Go on from 0").click()

    expect(batch).to_contain_text("In force")
    expect(batch).to_contain_text("2 rows kept of 3")
    with page.expect_download() as fetched:
        batch.get_by_role("link", name="Rejected rows").click()
    rejected = json.loads(Path(fetched.value.path()).read_text())
    assert (rejected["column"], rejected["value"]) == ("age", "old")
    assert not selling.visit.complaints


def test_a_line_item_is_made_from_a_campaign_and_a_wrong_one_is_told_its_rule_while_typed(
    selling: Selling,
) -> None:
    page, order = selling.page, selling.order("Quell")
    page.goto("/console/ads")
    page.get_by_role("link", name="Quell winter").click()
    page.get_by_role("link", name="Quell order").click()
    page.get_by_role("link", name="New line item").click()
    expect(page.get_by_label("Insertion order")).to_have_value(order)

    page.get_by_label("Name", exact=True).fill("Spring")
    page.get_by_label("Tier").select_option("house")
    page.get_by_label("Price, EUR").fill("1.50")
    page.get_by_label("Reason").fill("spring begins")
    expect(page.locator(".record-form")).to_contain_text("the house pays nothing")
    expect(page.get_by_role("button", name="Make it")).to_be_disabled()
    page.get_by_label("Price, EUR").fill("0")
    page.get_by_role("textbox", name="Who may see it").fill('device in ("tv") or hour 18..22')
    page.get_by_role("button", name="Make it").click()

    page.wait_for_url(re.compile("record=lin_"))
    expect(page.locator(".versions")).to_contain_text("spring begins")
    expect(page.get_by_role("textbox", name="Who may see it")).to_have_value(
        'device in ("tv") or hour 18..22'
    )
    selling.visit.complaints.clear()  # the browser notes each refused trial itself


def test_line_items_are_paused_together_and_undo_is_another_version(selling: Selling) -> None:
    page, order = selling.page, selling.order("Nord")
    first, _ = selling.made(*(selling.line_item(order, f"Nord {number}") for number in (1, 2)))
    page.goto("/console/ads?kind=line_item&q=Nord")
    page.get_by_label("Tick all").check()
    page.get_by_role("button", name="Pause 2").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("the film is late")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()

    paused = page.locator(".data-table .state-refused")
    expect(paused).to_have_count(2)
    page.get_by_role("button", name="Undo").click()

    expect(paused).to_have_count(0)
    page.goto(f"/console/ads?record={first}")
    expect(page.locator(".versions > li")).to_have_count(3)
    expect(page.locator(".versions")).to_contain_text("undone: the film is late")
    assert not selling.visit.complaints


def test_somebody_is_deleted_and_the_certificate_is_shown(selling: Selling) -> None:
    page = selling.page
    page.goto("/console/audiences?view=people")
    page.get_by_label("Identifier").fill("nobody-at-all")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.locator(".certificate")).to_contain_text("Nothing was stored under this identifier")
    assert not selling.visit.complaints


@pytest.mark.parametrize("width", [1440, 820, 390])
def test_no_page_is_wider_than_its_window(selling: Selling, width: int) -> None:
    selling.page.set_viewport_size({"width": width, "height": 860})
    views = ("audiences", "audiences?new=1", "audiences?view=overlap", "audiences?view=batches")
    for view in (*views, "ads", "ads?new=line_item", "ads?view=explain", "ads?view=changes"):
        selling.page.goto(f"/console/{view}")
        expect(selling.page.get_by_role("heading", level=1)).to_be_visible()
        assert selling.page.evaluate(
            "() => document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth"
        ), view
        selling.visit.picture(f"console-{view.replace('?', '-').replace('=', '-')}-{width}")
    assert not selling.visit.complaints

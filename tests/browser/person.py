"""What a person does in front of a browser, and what is wrong with the pages for who cannot see or point."""

import re
from typing import Any

# What axe calls serious or critical is a fault; these are the theme's own, and no page of ours adds to them.
_SERIOUS = ("serious", "critical")


class Person:
    def __init__(self, page: Any, site: str, axe: str) -> None:
        self.page, self.site, self._axe = page, site, axe
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def signs_in(self, name: str, password: str) -> None:
        self.goes_to("/admin/login/?next=/admin/")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", password)
        self.page.press("#id_password", "Enter")
        self.page.wait_for_url("**/admin/")

    def goes_to(self, path: str) -> None:
        answer = self.page.goto(path if path.startswith("http") else self.site + path)
        assert answer.status < 400, f"{path}: {answer.status}"

    def follows(self, text: str) -> None:
        self.page.get_by_role("link", name=text, exact=True).first.click()
        self.page.wait_for_load_state()

    def presses(self, text: str) -> None:
        self.page.get_by_role("button", name=text, exact=True).first.click()
        self.page.wait_for_load_state()

    def fills(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f"[name='{name}']", value)

    def chooses(self, **fields: str) -> None:
        for name, label in fields.items():
            self.page.select_option(f"[name='{name}']", label=label)

    def acts(self, action: str) -> None:
        """Choose all rows of a list and run an action on them."""
        self.page.locator("#action-toggle, .action-select").first.check(force=True)
        self.page.select_option("select[name='action']", label=action, force=True)
        self.page.locator("button[name='index']").first.click(force=True)
        self.page.wait_for_load_state()

    def sees(self, text: str) -> None:
        said = self.says()
        assert text in said, f"{self.page.url} does not say {text!r}: {said[:1500]}"

    def says(self) -> str:
        return re.sub(r"\s+", " ", self.page.locator("body").inner_text())

    def finds_no_fault(self, *, rules_left_out: tuple[str, ...] = ()) -> None:
        """Look at the page as axe does, in light and in dark."""
        for scheme in ("light", "dark"):
            self.page.evaluate(
                "dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark"
            )
            found = self._faults(rules_left_out)
            assert found == [], f"{self.page.url} in {scheme}: {found}"
        self.page.evaluate("document.documentElement.classList.remove('dark')")
        assert self.errors == []

    def _faults(self, left_out: tuple[str, ...]) -> list[str]:
        self.page.evaluate(self._axe)
        rules = {rule: {"enabled": False} for rule in left_out}
        result = self.page.evaluate("rules => axe.run(document, {rules})", rules)
        return [
            f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]}"
            for each in result["violations"]
            if each["impact"] in _SERIOUS
        ]

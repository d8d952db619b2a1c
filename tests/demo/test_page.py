"""The shop's page: finding, changing, escaping."""

import pytest


def page(client, **query):
    return client.get(f"{client.url}/", params=query, timeout=10)


def post(client, path="/", origin=None, **form):
    headers = {"Origin": origin or client.url, "X-Forwarded-Proto": ""}
    return client.post(f"{client.url}{path}", data=form, headers=headers, timeout=10)


@pytest.mark.parametrize("text", ["odd-sc", "ALERT(1)"])
def test_search_finds_by_sku_and_name_and_escapes_both(client, text):
    answer = page(client, q=text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<script" not in answer.text
    assert "1 records found" in answer.text


def test_what_was_asked_is_escaped(client):
    assert "<b>" not in page(client, q='"><b>', show='"><b>', done='"><b>').text


def test_every_page_of_the_shop_renders(client):
    for show in ("all", "hidden", "trash", "odd"):
        assert page(client, show=show, page=2).status_code == 200
    assert page(client, page="-1").status_code == 200
    assert "Uncategorized" in client.get(f"{client.url}/categories", timeout=10).text


def test_price_form_edits_and_leads_back(client, storefront):
    product_id = storefront.odd["price_zero"]
    answer = post(client, edit="price", id=product_id, value=" 4.20 ", q="ODD-P0")
    assert [r.status_code for r in answer.history] == [303]
    assert 'value="4.20"' in answer.text
    assert client.product(product_id)["price"] == "4.20"


def test_each_form_does_what_it_says(client, storefront):
    product_id = storefront.add_simple("FORM-1", name="Form", price="4", stock=3)
    post(client, edit="sell", id=product_id)
    post(client, edit="sku", id=product_id, value="FORM-2")
    post(client, edit="hide", id=product_id)
    body = client.product(product_id)
    assert (body["stock_quantity"], body["sku"], body["status"]) == (2, "FORM-2", "private")
    post(client, edit="show", id=product_id)
    post(client, edit="trash", id=product_id)
    assert client.product(product_id)["status"] == "trash"
    post(client, edit="untrash", id=product_id)
    assert client.product(product_id)["status"] == "publish"
    post(client, "/categories", edit="category", id=15, value="Sundry")
    assert client.product(product_id)["categories"][0]["name"] == "Sundry"


def test_refused_edit_says_so_and_changes_nothing(client, storefront):
    product_id = storefront.odd["price_zero"]
    answer = post(client, edit="price", id=product_id, value="cheap")
    assert answer.status_code == 409
    assert "A price is a number such as 12.50. Nothing was changed." in answer.text
    assert client.product(product_id)["price"] == "0"


def test_another_sites_form_is_refused(client, storefront):
    product_id = storefront.odd["price_zero"]
    answer = post(client, origin="https://evil.example", edit="price", id=product_id, value="1")
    assert answer.status_code == 403
    assert client.product(product_id)["price"] == "0"


def test_unknown_form_is_400(client):
    assert post(client, edit="delete_forever", id=1).status_code == 400
    assert post(client, edit="price", id="one", value="1").status_code == 400


def test_another_host_name_is_refused(client):
    answer = client.get(client.url, headers={"Host": "shop.example"}, timeout=10)
    assert answer.status_code == 403


def test_permalink_leads_to_the_product(client, storefront):
    link = client.product(storefront.odd["price_zero"])["permalink"].replace("https:", "http:")
    answer = client.get(link, headers={"X-Forwarded-Proto": ""}, timeout=10)
    assert "ODD-P0" in answer.text


def test_unknown_paths_are_404(client):
    for path in ("/nothing", "/product/nothing/", "/wp-content/uploads/x.svg"):
        assert client.get(client.url + path, timeout=10).status_code == 404


def test_states_are_told_in_words(client, storefront):
    storefront.hide(storefront.odd["stock_negative"])
    text = page(client, q="ODD-NEG").text
    assert ">Hidden</span>" in text
    assert ">On backorder</span> -4" in text

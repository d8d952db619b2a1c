from django.db import migrations

from customers.policies import OWN_RULES, WHO
from groundwork.roles import RoleSQL, definer, protected

# What the customer may see at an instant, under the rules that stand: its terms, the tiers it ever
# held, the subjects of the allow and deny rules whose window holds, and when that changes by the clock.
ENTITLEMENT = """
create function customers_entitlement(instant timestamptz) returns table (
    status text, contract_starts_at timestamptz, contract_ends_at timestamptz, tier_id bigint,
    currency text, unpriced text, tiers bigint[], subjects jsonb, next_boundary timestamptz
) language plpgsql stable as $$
declare
    who bigint := nullif(current_setting('tradecounter.customer', true), '')::bigint;
    terms customers_customerterms;
begin
    select * into terms from customers_customerterms t
        where t.customer_id = who and t.until_revision is null;
    return query
    with rules as (
        select r.* from customers_visibilityrule r
            where r.until_revision is null and r.customer_id = who
        union all
        select r.* from customers_visibilityrule r
            where r.until_revision is null and r.tier_id = terms.tier_id
        union all
        select r.* from customers_visibilityrule r
            where r.until_revision is null and r.customer_id is null and r.tier_id is null
              and who is not null
    ), holding as (
        select r.effect, case r.subject_kind when 'all' then 'source' else r.subject_kind end as kind,
               jsonb_agg(distinct r.subject_id) as ids
        from rules r
        where (r.starts_at is null or r.starts_at <= instant)
          and (r.ends_at is null or r.ends_at > instant)
        group by 1, 2
    ), boundaries as (
        select starts_at as at from rules union all select ends_at from rules
        union all values (terms.contract_starts_at), (terms.contract_ends_at)
    )
    select terms.status::text, terms.contract_starts_at, terms.contract_ends_at, terms.tier_id,
        terms.currency::text, terms.unpriced::text,
        array(select distinct t.tier_id from customers_customerterms t
              where t.customer_id = who and t.tier_id is not null),
        (select coalesce(jsonb_object_agg(effect || '_' || kind, ids), '{}') from holding),
        (select min(at) from boundaries where at > instant);
end $$;
"""

# For the delta: the states since a revision of the given variants, hidden ones included, but only
# such states as an allow rule of this customer covered at some time since.
STATES = """
create function customers_states_since(ids bigint[], since bigint) returns table (
    variant_id bigint, from_revision bigint, until_revision bigint, sku text,
    is_published boolean, source_id bigint, brand_id bigint, product_id bigint,
    category_ids bigint[], category_depths smallint[], list_price numeric, currency text,
    tax_included boolean
) language plpgsql stable as $$
declare
    who bigint := nullif(current_setting('tradecounter.customer', true), '')::bigint;
    held bigint[] := array(
        select distinct t.tier_id from customers_customerterms t
        where t.customer_id = who and t.tier_id is not null
          and (t.until_revision is null or t.until_revision > since));
    sources bigint[]; brands bigint[]; categories bigint[]; products bigint[]; variants bigint[];
begin
    select array_agg(r.subject_id) filter (where r.subject_kind in ('source', 'all')),
           array_agg(r.subject_id) filter (where r.subject_kind = 'brand'),
           array_agg(r.subject_id) filter (where r.subject_kind = 'category'),
           array_agg(r.subject_id) filter (where r.subject_kind = 'product'),
           array_agg(r.subject_id) filter (where r.subject_kind = 'variant')
    into sources, brands, categories, products, variants
    from (
        select * from customers_visibilityrule r where r.customer_id = who
        union all select * from customers_visibilityrule r where r.tier_id = any(held)
        union all select * from customers_visibilityrule r
            where r.customer_id is null and r.tier_id is null and who is not null
    ) r
    where r.effect = 'allow' and (r.until_revision is null or r.until_revision > since);
    return query
    with every as (
        select v.id as variant_id, v.created_revision, null::bigint as until_revision, v.sku,
            v.is_published, v.source_id, v.brand_id, v.product_id, v.category_ids,
            v.category_depths, v.list_price, v.currency, v.tax_included
        from catalog_mirror_variant v where v.id = any(ids)
        union all
        select h.variant_id, v.created_revision, h.until_revision, h.sku, h.is_published,
            h.source_id, h.brand_id, h.product_id, h.category_ids, h.category_depths,
            h.list_price, h.currency, h.tax_included
        from catalog_mirror_varianthistory h join catalog_mirror_variant v on v.id = h.variant_id
        where h.variant_id = any(ids) and h.until_revision > since
    ), dated as (
        select *, coalesce(
            lag(e.until_revision) over (
                partition by e.variant_id order by e.until_revision nulls last),
            e.created_revision) as begins
        from every e
    )
    select s.variant_id, s.begins, s.until_revision, s.sku::text, s.is_published, s.source_id,
        s.brand_id, s.product_id, s.category_ids, s.category_depths, s.list_price,
        s.currency::text, s.tax_included
    from dated s
    where s.source_id = any(sources) or 0 = any(sources) or s.brand_id = any(brands)
        or s.category_ids && categories or s.product_id = any(products)
        or s.variant_id = any(variants);
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0002_versions_are_final"),
        ("catalog_mirror", "0003_row_policies"),
    ]
    operations = [
        protected("customers_customer", f"id = {WHO}"),
        protected("customers_customerterms", f"customer_id = {WHO}"),
        protected("customers_visibilityrule", OWN_RULES),
        RoleSQL(ENTITLEMENT),
        definer("customers_entitlement(timestamptz)"),
        RoleSQL(STATES),
        definer("customers_states_since(bigint[], bigint)"),
    ]

from django.db import migrations

from customers.policies import OWN_RULES
from groundwork.roles import RoleSQL, protected

TRIGGER = """
create trigger version_is_final before update or delete on {table}
    for each row execute function customers_version_is_final();
"""

# A column with a scale would round what is too precise instead of refusing it.
EXACT = """
alter table pricing_pricerule alter column amount type numeric, alter column percent type numeric;
alter table pricing_pricerule add constraint price_rule_is_exact check (
    (amount is null or scale(amount) <= 4 and amount < 1e12)
    and (percent is null or scale(percent) <= 4)
);
alter table pricing_orderminimum alter column minimum_value type numeric;
alter table pricing_orderminimum add constraint order_minimum_is_exact check (
    minimum_value is null or scale(minimum_value) <= 4 and minimum_value < 1e12
);
"""

# What `pricing.ladders` refuses, for whoever writes past it.
LADDER = """
create function pricing_ladder_is_sound(
    kind text, percent numeric, amount numeric, minimum_quantity integer, breaks jsonb
) returns boolean language plpgsql immutable as $$
declare
    last_quantity bigint := minimum_quantity;
    last_value numeric := coalesce(percent, amount);
    each jsonb;
    quantity bigint;
    value numeric;
begin
    if jsonb_typeof(breaks) is distinct from 'array' or jsonb_array_length(breaks) > 50 then
        return false;
    end if;
    for each in select * from jsonb_array_elements(breaks) loop
        if jsonb_typeof(each -> 'minimum_quantity') is distinct from 'number'
           or jsonb_typeof(each -> 'value') is distinct from 'string'
           or jsonb_typeof(each -> 'name') is distinct from 'string'
           or each - array['minimum_quantity', 'value', 'name'] <> '{}'
           or each ->> 'minimum_quantity' !~ '^[0-9]{1,10}$'
           or each ->> 'value' !~ '^[0-9]{1,12}(\\.[0-9]{1,4})?$' then
            return false;
        end if;
        quantity := (each ->> 'minimum_quantity')::bigint;
        value := (each ->> 'value')::numeric;
        if quantity <= last_quantity or quantity > 2147483647
           or (kind = 'percent' and (value > 100 or value < last_value))
           or (kind <> 'percent' and value > last_value) then
            return false;
        end if;
        last_quantity := quantity;
        last_value := value;
    end loop;
    return true;
end $$;
alter table pricing_pricerule add constraint price_rule_ladder_is_sound
    check (pricing_ladder_is_sound(kind, percent, amount, minimum_quantity, breaks));
"""


class Migration(migrations.Migration):
    dependencies = [("pricing", "0004_ladders_and_orders")]
    operations = [
        *(
            operation
            for table in ("pricing_orderrule", "pricing_orderminimum")
            for operation in (
                RoleSQL(TRIGGER.format(table=table)),
                protected(table, OWN_RULES),
            )
        ),
        RoleSQL(EXACT),
        RoleSQL(LADDER),
    ]

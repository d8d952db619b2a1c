"""The row policies that compare one local column with the customer of the transaction."""

from customers.models import SANDBOX

WHO = "(select nullif(current_setting('tradecounter.customer', true), '')::bigint)"
# Whom rules of everyone reach: all customers but the sandbox, and nobody where none is set.
IS_ANYONE = f"{WHO} <> {SANDBOX}"
# An array inside the parentheses, where it is made once a query; the cast behind them does nothing, but
# without it `any` would look through the rows of a query.
TIERS = "(select nullif(current_setting('tradecounter.tiers', true), '')::bigint[])::bigint[]"
# A rule of its own, of a tier it holds or held, or of everyone.
OWN_RULES = f"""
    customer_id = {WHO}
    or customer_id is null and {IS_ANYONE} and (tier_id is null or tier_id = any({TIERS}))
"""

"""The row policies that compare one local column with the customer of the transaction."""

from customers.models import SANDBOX

WHO = "(select nullif(current_setting('tradecounter.customer', true), '')::bigint)"
# Whom rules of everyone reach: all customers but the sandbox, and nobody where none is set.
IS_ANYONE = f"{WHO} <> {SANDBOX}"
TIERS = "(select nullif(current_setting('tradecounter.tiers', true), ''))::bigint[]"
# A rule of its own, of a tier it holds or held, or of everyone.
OWN_RULES = f"""
    customer_id = {WHO}
    or customer_id is null and {IS_ANYONE} and (tier_id is null or tier_id = any({TIERS}))
"""

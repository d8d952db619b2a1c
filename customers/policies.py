"""The row policies that compare one local column with the customer of the transaction."""

WHO = "(select nullif(current_setting('tradecounter.customer', true), '')::bigint)"
TIERS = "(select nullif(current_setting('tradecounter.tiers', true), ''))::bigint[]"
# A rule of its own, of a tier it holds or held, or of everyone; none where no customer is set.
OWN_RULES = f"""
    customer_id = {WHO}
    or customer_id is null and {WHO} is not null and (tier_id is null or tier_id = any({TIERS}))
"""
